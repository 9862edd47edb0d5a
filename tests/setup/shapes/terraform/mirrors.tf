plugin_cache_dir   = "$HOME/.terraform.d/plugin-cache"
#
# and below:
#
provider_installation {
  network_mirror {
    url = "https://near.example/"
    include = ["registry.example/*/*", "else.example/*/*"]
  }
  filesystem_mirror {
    path    = "/usr/share/terraform/providers"
    include = [
      "own.example/*/*", # ours
      "more.example/*/*",
    ]
  }
  direct {
    exclude = ["registry.example/*/*"]
  }
}
disable_checkpoint_signature=true
