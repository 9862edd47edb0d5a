"""The four scripts of a store. Each reads the store's own clock, and is run whole.

One hash for a name: `gen`, `val`; `owner` and `until` of the lease; `fail` and `fail_until`. All
times are in milliseconds.
"""

PREFIX = "credhelper:1:"
LOOKS_LATE = (
    60_000  # milliseconds after which nobody looks for a failure that counted when it asked
)


def key(name: str) -> str:
    """Return the key of a name; the braces keep it in one place of a cluster."""
    return f"{PREFIX}{{{name}}}"


# A lease more than a minute ahead is not believed: none of us takes one.
_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""
_LEASE = """
local until_ = tonumber(h[4] or '') or 0
if until_ <= now or until_ > now + 60000 then until_ = 0 end
"""

# after, owner, lease, despite, waited -> gen, val, fail, failing, now, leads, busy
LOOK = f"""{_NOW}
local h = redis.call('HMGET', KEYS[1], 'gen', 'val', 'owner', 'until', 'fail', 'fail_until')
{_LEASE}
local gen, lease = tonumber(h[1] or '') or 0, tonumber(ARGV[3])
local val, fail, failing = h[2] or '', h[5] or '', (tonumber(h[6] or '') or 0) - now
if gen < tonumber(ARGV[1]) or #val > 262144 then val = '' end
if failing + tonumber(ARGV[5]) <= 0 or failing > 61000 or #fail > 4096 then fail = '' end
local leads, ours = 0, h[3] == ARGV[2] or until_ == 0
if lease > 0 and gen <= tonumber(ARGV[1]) and (fail == '' or ARGV[4] == '1') and ours then
  leads, until_ = 1, 0
  redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'until', string.format('%d', now + lease))
  if redis.call('PTTL', KEYS[1]) < 2 * lease then redis.call('PEXPIRE', KEYS[1], 2 * lease) end
end
if h[3] == ARGV[2] then until_ = 0 end
return {{h[1] or '0', val, fail, math.max(0, failing), now, leads, math.max(0, until_ - now)}}
"""

# base, generation, value, life, owner -> 1 if it was taken
PUBLISH = """
local h = redis.call('HMGET', KEYS[1], 'gen', 'owner')
if h[1] and h[1] ~= ARGV[1] and h[1] ~= '0' then return 0 end
redis.call('HSET', KEYS[1], 'gen', ARGV[2], 'val', ARGV[3])
redis.call('HDEL', KEYS[1], 'fail', 'fail_until')
if h[2] == ARGV[5] then redis.call('HDEL', KEYS[1], 'owner', 'until') end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""

# owner, failure, life
RELEASE = f"""{_NOW}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner', 'until')
local life = tonumber(ARGV[3])
if ARGV[2] ~= '' and life > 0 then
  redis.call('HSET', KEYS[1], 'fail', ARGV[2], 'fail_until', string.format('%d', now + life))
  local ends = life + {LOOKS_LATE}
  if redis.call('PTTL', KEYS[1]) < ends then redis.call('PEXPIRE', KEYS[1], ends) end
end
return 1
"""

# life
REMOVE = f"""{_NOW}
local gen = tonumber(redis.call('HGET', KEYS[1], 'gen') or '') or 0
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'gen', string.format('%d', math.max(now, gen + 1)), 'val', '')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
