disable_checkpoint = true
