# In ~/.profile: the SDKs ask credhelper for a token for that host
export DATABRICKS_HOST=https://dbc.example.org
export DATABRICKS_AUTH_TYPE=databricks-cli
export DATABRICKS_CLI_PATH=/home/me/bin/credhelper-databricks
