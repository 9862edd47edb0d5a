# Terraform looks for its helpers among the plugins of your home folder, and nowhere else.
mkdir -p ~/.terraform.d/plugins
ln -sf "$(command -v terraform-credentials-credhelper)" ~/.terraform.d/plugins/
