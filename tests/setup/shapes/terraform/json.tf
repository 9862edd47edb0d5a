{"disable_checkpoint": true}
