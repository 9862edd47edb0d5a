"""One row for each tool: a file of its own that already holds what others put there.

The battery (`test_tools`) does the rest. A secret in a foreign text is written `CANARY`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CANARY = "canary-53cr3t"


@dataclass(frozen=True)
class Case:
    """A tool and its file.

    Parameters: `service` and `other`, two services; `file`, below the home; `foreign`, what stands
    in it before; `broken`, what its tool could not read, if there is such a thing; `wired`, what
    must be in it afterwards; `edits`, what a user changes meanwhile, old text to new; `options` and
    `other_options`, words for the two services; `needs`, a program without which
    the tool's file cannot be read; `keys`, more keys of the profile; `environ`, variables, with
    `{home}` and `{old}` in them, as in `options`; `apart`, whether the other service is of a
    profile of its own, `second`; `skips_mark`, whether the tool skips a byte order mark;
    `programs`, what programs in `{home}/../programs` print, whatever they are asked.
    """

    service: str
    other: str
    file: str
    foreign: str
    broken: str
    wired: str
    edits: Mapping[str, str]
    options: tuple[str, ...] = ()
    other_options: tuple[str, ...] = ()
    needs: str | None = None
    keys: Mapping[str, object] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    apart: bool = False
    skips_mark: bool = False
    programs: Mapping[str, str] = field(default_factory=dict)


_REGISTRIES = f"""{{
\t"auths": {{
\t\t"https://index.docker.io/v1/": {{ "auth": "{CANARY}" }}
\t}},
\t"HttpHeaders": {{"User-Agent": "me"}},
\t"credHelpers": {{
\t\t"000.dkr.ecr.us-east-1.amazonaws.com": "ecr-login"
\t}}
}}
"""

CASES = {
    "git": Case(
        service="https://git.example",
        other="https://git.example/team",
        file=".gitconfig",
        foreign=f"""# mine
[user]
\tname = Ann   ; and a comment
[http "https://proxy.example"]
\textraHeader = "Authorization: Basic {CANARY}"

[credential]
\thelper = store
[alias]
  st = status
""",
        broken="[user\nname = Ann\n",
        wired='[credential "https://git.example"]\n\thelper =\n\thelper = credhelper',
        edits={"name = Ann": "name = Beth", "  st = status": "  st = status\n  ci = commit"},
        needs="git",
        skips_mark=True,
    ),
    "docker": Case(
        service="https://registry.example",
        other="https://other.example:8443",
        file=".docker/config.json",
        foreign=_REGISTRIES,
        broken='{"auths": {},}',
        wired='"registry.example": "credhelper"',
        edits={'"me"': '"you"'},
    ),
    "containers": Case(
        service="https://registry.example",
        other="https://other.example:8443",
        file=".config/containers/auth.json",
        foreign=f'{{"auths": {{"quay.io": {{"auth": "{CANARY}"}}}}}}\n',
        broken="[1, 2]",
        wired='"registry.example": "credhelper"',
        edits={'"quay.io"': '"quay.example"'},
    ),
    "cargo": Case(
        service="https://crates.example/index",
        other="https://crates.example/second",
        file=".cargo/config.toml",
        foreign=f"""# mine
[net]
git-fetch-with-cli = true # as git does

[registries.mine]  # at work
index = "sparse+https://crates.example/index/"
[registries.foreign]
index = "sparse+https://foreign.example/"
token = "{CANARY}"
""",
        broken='[net\ngit-fetch-with-cli = "',
        wired='credential-provider = ["cargo-credential-credhelper"]',
        edits={"as git does": "as it does", '"sparse+https://foreign': '"sparse+https://f'},
        options=("--name", "mine"),
        other_options=("--name", "second"),
        skips_mark=True,
    ),
    "kubectl": Case(
        service="https://k8s.example:6443",
        other="https://other.example:6443",
        file=".kube/config",
        foreign=f"""apiVersion: v1
kind: Config
# the cluster at work
clusters:
- cluster:
    server: https://k8s.example:6443
    certificate-authority-data: {CANARY}
  name: work # at work

- name: other
  cluster: {{server: "https://other.example:6443"}}
users:
  - name: me
    user:
      token: "{CANARY}"  # mine

contexts: [] # none yet
current-context: ""
preferences: {{}}
""",
        broken="users:\n- name: me\n user: {",
        wired="- name: credhelper",
        edits={"# at work": "# at home", "  - name: me": "  - name: you", "# mine": "# yours"},
        skips_mark=True,
    ),
    "pip": Case(
        service="https://pypi.example/simple",
        other="https://other.example",
        file=".config/pip/pip.conf",
        foreign=f"""; mine
[global]
timeout = 60
index-url = https://me:{CANARY}@mirror.example/simple/

[install]
find-links =
    /srv/wheels
    # not these
    [odd]
""",
        broken="timeout = 60\n",
        wired="keyring-provider = subprocess",
        edits={"timeout = 60": "timeout = 90", "/srv/wheels": "/srv/more"},
        environ={
            "PATH": "{home}/.local/share/credhelper/bin:{home}/../programs:{old}",
            "PIP_EXTRA_INDEX_URL": "https://oauth2@pypi.example/simple/ https://oauth2@other.example",
        },
        # Older ones than 26.2 ask with the user name of the index alone.
        programs={"pip": "pip 23.2.1 from /usr (python 3.11)"},
    ),
    "uv": Case(
        service="https://pypi.example/simple",
        other="https://other.example",
        file=".config/uv/uv.toml",
        foreign=f"""# mine
# and not yours

# from here
native-tls = true

[[index]]
name = "work" # at work
url = "https://me:{CANARY}@pypi.example/simple"
""",
        broken="[[index]\n",
        wired='keyring-provider = "subprocess"',
        edits={"# at work": "# at home", "# and not yours": "# or yours"},
        environ={"PATH": "{home}/.local/share/credhelper/bin:{old}"},
        skips_mark=True,
    ),
    "go": Case(
        service="https://go.example/team",
        other="https://other.example",
        file=".config/go/env",
        foreign=f"""GOPROXY=https://me:{CANARY}@go.example,direct
GOAUTH=git /home/me/src; netrc
GONOSUMDB=*
""",
        broken="",
        wired="goauth --service https://go.example/team",
        edits={"GONOSUMDB=*": "GONOSUMDB=*.example", "/home/me/src": "/home/me/go"},
    ),
    "bazel": Case(
        service="https://builds.example",
        other="https://other.example",
        file=".bazelrc",
        foreign=f"""# mine
build --jobs=4
common --remote_header=Authorization={CANARY} \\
    --remote_timeout=60
""",
        broken="build --jobs=4 \\\n",
        wired="--credential_helper=builds.example=",
        edits={"--jobs=4": "--jobs=8"},
    ),
    "aws": Case(
        service="https://gds.example",
        other="https://other.example",
        file=".aws/config",
        foreign=f"""# mine
[default]
region = us-east-1
s3 =
    max_concurrent_requests = 20
    [odd]
aws_session_token={CANARY}

[profile main]  # at work
region=eu-west-1
""",
        broken="region = us-east-1\n",
        wired="credential_process = credhelper aws --profile main",
        edits={"us-east-1": "us-west-2", "at work": "at home"},
        other_options=("--name", "other"),
        keys={"aws": {"folder": "fol.alpha"}},
    ),
    "terraform": Case(
        service="https://modules.example",
        other="https://other.example:8443",
        file=".terraformrc",
        foreign=f"""# mine {{
plugin_cache_dir = "$HOME/.terraform.d/cache" // as ever
credentials "app.example" {{
  token = "{CANARY}" /* }} */
}}
host "x.example" {{ services = {{ "modules.v1" = "https://x.example/" }} }}
""",
        broken='credentials "app.example" {\n',
        wired='credentials_helper "credhelper" {\n  args = []\n}',
        edits={"as ever": "as never", "# mine": "# yours"},
    ),
    "rclone": Case(
        service="https://dav.example/files",
        other="https://other.example",
        file=".config/rclone/rclone.conf",
        foreign=f"""[mine]
type = webdav
url = https://dav.example/files/mine/
vendor = other

[s3]
type = s3
secret_access_key = {CANARY}
""",
        broken="RCLONE_ENCRYPT_V0:\nabc\n",
        wired="bearer_token_command = credhelper token https://dav.example/files",
        edits={"type = s3": "type = b2", "[s3]": "[s4]"},
        other_options=("--name", "other"),
        skips_mark=True,
    ),
    "pnpm": Case(
        service="https://npm.example/team",
        other="https://other.example",
        file=".npmrc",
        foreign=f"""; mine
registry=https://registry.example/
//registry.example/:_authToken={CANARY}
""",
        broken="",
        wired="//npm.example/team/:tokenHelper=",
        edits={"; mine": "; yours"},
        skips_mark=True,
    ),
    "dvc": Case(
        service="https://dav.example/cache",
        other="https://other.example",
        file=".config/dvc/config",
        foreign=f"""[core]
    remote = files
['remote "files"']
    url = webdavs://dav.example/cache/mine
    custom_auth_header = {CANARY}
""",
        broken="remote = files\n",
        wired="bearer_token_command = credhelper token https://dav.example/cache",
        edits={"remote = files": "remote = others"},
        options=("--name", "files"),
        other_options=("--name", "other"),
    ),
    "vault": Case(
        service="https://vault.example:8200",
        other="https://other.example",
        file=".vault",
        foreign=f'# {CANARY}\nother = "{CANARY}"\n',
        broken='other = "\n',
        wired="token_helper = ",
        edits={"other": "another"},
    ),
    "bao": Case(
        service="https://bao.example:8200",
        other="https://other.example",
        file=".bao",
        foreign=f'# {CANARY}\nother = "{CANARY}"\n',
        broken='other = "\n',
        wired="token_helper = ",
        edits={"other": "another"},
    ),
    "codex": Case(
        service="https://api.example",
        other="https://other.example",
        file=".codex/config.toml",
        foreign=f"""# mine
model_provider = "team" # ours

[model_providers.team]
name = "team"
base_url = "https://api.example/v1"
http_headers = {{ "X-Key" = "{CANARY}" }}

[projects."/home/me"]
trust_level = "trusted"
""",
        broken='model_provider = "team\n',
        wired='args = ["token", "https://api.example"]',
        edits={"# ours": "# theirs", '"trusted"': '"untrusted"'},
        options=("--name", "team"),
        other_options=("--name", "other"),
        skips_mark=True,
    ),
    "claude": Case(
        service="https://mcp.example",
        other="https://other.example/mcp",
        file=".claude.json",
        foreign=f"""{{
  "numStartups": 3,
  "mcpServers": {{
    "team": {{ "type": "http", "url": "https://mcp.example/mcp" }},
    "else": {{
      "type": "http",
      "url": "https://else.example/mcp",
      "headers": {{ "Authorization": "Bearer {CANARY}" }}
    }}
  }},
  "projects": {{ "/home/me": {{ "mcpServers": {{}} }} }}
}}
""",
        broken='{"mcpServers": {}',
        wired='"headersHelper": "credhelper headers"',
        edits={'"numStartups": 3': '"numStartups": 4'},
        options=("--name", "team"),
        other_options=("--name", "other"),
    ),
    "restish": Case(
        service="https://api.example",
        other="https://other.example/v2",
        file=".config/restish/apis.json",
        foreign=f"""{{
  "$schema": "https://rest.sh/schemas/apis.json",
  "team": {{
    "base": "https://api.example/v1",
    "profiles": {{
      "default": {{ "headers": {{ "X-Key": "{CANARY}" }} }}
    }}
  }}
}}
""",
        broken="[]",
        wired='"commandline": "credhelper headers --restish"',
        edits={'"X-Key"': '"X-Other"'},
        options=("--name", "team"),
        other_options=("--name", "other"),
    ),
    "databricks": Case(
        service="https://dbc.example",
        other="https://other.example",
        file=".databrickscfg",
        foreign=f"""; mine
[DEFAULT]
host = https://else.example
token = {CANARY}

[main]
host  = https://dbc.example/
cluster_id = 1-2-3
""",
        broken="host = https://else.example\n",
        wired="auth_type = databricks-cli",
        edits={"; mine": "; yours", "1-2-3": "4-5-6"},
        apart=True,
    ),
    "google": Case(
        service="https://sts.example",
        other="https://other.example",
        file=".config/gcloud/application_default_credentials.json",
        foreign=f"""{{
  "type": "external_account",
  "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/P",
  "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
  "token_url": "https://sts.googleapis.com/v1/token",
  "credential_source": {{ "executable": {{ "timeout_millis": 5000 }} }},
  "client_secret": "{CANARY}"
}}
""",
        broken='{"type": "external_account",}',
        wired='"command": "credhelper google --profile main"',
        edits={"projects/1": "projects/2"},
    ),
    "kubelet": Case(
        service="https://registry.example",
        other="https://other.example:8443",
        file="kubelet/credential-provider-config.yaml",
        foreign=f"""# of this node
kind: CredentialProviderConfig
apiVersion: kubelet.config.k8s.io/v1
providers:
  # as ever
  - name: ecr-credential-provider
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: ["*.dkr.ecr.*.amazonaws.com"]
    defaultCacheDuration: 12h0m0s
    env:
      - {{name: SECRET, value: {CANARY}}} # why
""",
        broken="providers:\n- name: ecr\n matchImages: {",
        wired="- registry.example\n",
        edits={"# as ever": "# as never", "# why": "# because"},
        options=(
            "--file",
            "{home}/kubelet/credential-provider-config.yaml",
            "--bin",
            "{home}/kubelet/bin",
        ),
        other_options=(
            "--file",
            "{home}/kubelet/credential-provider-config.yaml",
            "--bin",
            "{home}/kubelet/bin",
        ),
        skips_mark=True,
    ),
    "flyte": Case(
        service="https://flyte.example",
        other="https://other.example:8443",
        file=".flyte/config.yaml",
        foreign=f"""# mine
admin:
    # the platform at work
    endpoint: dns:///flyte.example  # as ever

    insecure: false
secrets: {{key: {CANARY}}}
logger:
  level: 20
""",
        broken="admin:\n  endpoint: {",
        wired="authType: ExternalCommand\n",
        edits={"# mine": "# yours", "# as ever": "# as never", "level: 20": "level: 30"},
        other_options=("--file", "{home}/.flyte/other.yaml"),
        skips_mark=True,
    ),
    "reclient": Case(
        service="https://builds.example",
        other="https://other.example:8443",
        file="build/reproxy.cfg",
        foreign=f"""# mine
service=builds.example:443
remote_headers=x-key={CANARY}
# at the end
cache_silo=one
""",
        broken="service=else.example:443\n",
        wired="credentials_helper_args=reclient --service https://builds.example",
        edits={"# mine": "# yours", "cache_silo=one": "cache_silo=two"},
        options=("--file", "{home}/build/reproxy.cfg"),
        other_options=("--file", "{home}/build/other.cfg"),
    ),
}

# Tools that take a link alone: what it is called.
LINKS = {
    "keyring": "keyring",
    "nuget": "nuget-plugin-credhelper",
    "askpass": "credhelper-askpass",
}
