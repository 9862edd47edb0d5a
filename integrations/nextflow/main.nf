// Each task asks for the token when it runs: of all tasks one fetches it, and an old one is renewed.
process FETCH {
    input:
    val sample

    output:
    path "sample-${sample}"

    script:
    """
    credhelper get https://files.example.org --format curl |
        curl -sSf -K - https://files.example.org/samples/${sample} -o sample-${sample}
    test "\$ICA_ACCESS_TOKEN" && test "\$ICA_SERVER_URL"
    """
}

workflow {
    channel.of(1..12) | FETCH
}
