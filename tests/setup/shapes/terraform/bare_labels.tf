host h {
  services = {}
}
"disable_checkpoint" = true
