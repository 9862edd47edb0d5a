disable_checkpoint = true
providers {
  x = <<EOT
} {
EOT
}
