/* many
   lines { */
disable_checkpoint = true // as
# ever
credentials "else.example" {
  # token = "old }"
  token = "a.b" /* } */
}
