# What t/lib-credential.sh needs of git's own test-lib.sh, and a line for each of its tests.
# Words: the folder of lib-credential.sh, and a file with what to do then.

test_cmp() { diff -u "$1" "$2"; }

write_script() {
	{ echo '#!/bin/sh'; cat; } >"$1"
	chmod +x "$1"
}

# For the length of one test, as in git's own.
test_config() {
	git config --global "$1" "$2"
	configured="$configured $1"
}

test_expect_success() {
	configured=
	if eval "$2" </dev/null >log 2>&1; then
		echo "ok $1"
	else
		echo "not ok $1"
		sed 's/^/# /' log
	fi
	for name in $configured; do git config --global --unset "$name"; done
}

. "$1/lib-credential.sh"
. "$2"
