credentials "else.example" { token = "x" }
host "h.example" { services = { "modules.v1" = "https://h.example/v1/", "providers.v1" = "https://h.example/p/" } }