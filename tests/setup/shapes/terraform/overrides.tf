provider_installation {
  dev_overrides {
    "registry.example/ada/one" = "/home/ada/one/bin/"
  }
direct {}
}