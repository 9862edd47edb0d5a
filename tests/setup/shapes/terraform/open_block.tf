credentials "else.example" {
  token = "x"
