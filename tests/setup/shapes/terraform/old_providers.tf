plugin_cache_dir = "$HOME/.cache/terraform"
providers {
  one = "terraform-provider-one"
  two = "/opt/two # not a comment"
}
