# What an issuing helper answers where a profile covers the service, with the battery's own `check`:
# $USERNAME, $TOKEN and $EXPIRY are what credhelper gives for https://example.com.

GIVEN="username=$USERNAME
password=$TOKEN$EXPIRY"

fills() {
	check fill credhelper <<-EOF
	protocol=https
	host=example.com
	--
	protocol=https
	host=example.com
	$GIVEN
	--
	EOF
}

test_expect_success "a token is given" fills

test_expect_success "a token is given to its own user" '
	check fill credhelper <<-EOF
	protocol=https
	host=example.com
	username=$USERNAME
	--
	protocol=https
	host=example.com
	$GIVEN
	--
	EOF
'

for host in example.com:8443 other.tld; do
	test_expect_success "no token for $host" "
		check fill credhelper <<-EOF
		protocol=https
		host=$host
		--
		protocol=https
		host=$host
		username=askpass-username
		password=askpass-password
		--
		askpass: Username for 'https://$host':
		askpass: Password for 'https://askpass-username@$host':
		EOF
	"
done

# The user is told why: a helper that only finds nothing would leave that to a guess.
test_expect_success "no token for http" "
	check fill credhelper <<-EOF
	protocol=http
	host=example.com
	--
	protocol=http
	host=example.com
	username=askpass-username
	password=askpass-password
	--
	credhelper: error: plain http refused for example.com: tokens go over https only
	credhelper: hint: ask for https://example.com instead
	askpass: Username for 'http://example.com':
	askpass: Password for 'http://askpass-username@example.com':
	EOF
"

test_expect_success "no token for another user" "
	check fill credhelper <<-EOF
	protocol=https
	host=example.com
	username=other
	--
	protocol=https
	host=example.com
	username=other
	password=askpass-password
	--
	askpass: Password for 'https://other@example.com':
	EOF
"

test_expect_success "what others approve is not stored" '
	check approve credhelper <<-\EOF &&
	protocol=https
	host=example.com
	username=user1
	password=pass1
	EOF
	fills
'

test_expect_success "a password that is not ours is rejected, and ours stays" '
	check reject credhelper <<-EOF &&
	protocol=https
	host=example.com
	username=$USERNAME
	password=pass2
	EOF
	fills
'

test_expect_success "the rejection of another user leaves ours" '
	check reject credhelper <<-\EOF &&
	protocol=https
	host=example.com
	username=user1
	EOF
	fills
'

test_expect_success "our own token is approved" '
	check approve credhelper <<-EOF &&
	protocol=https
	host=example.com
	$GIVEN
	EOF
	fills
'
