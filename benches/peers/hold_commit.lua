#!lua name=hold_commit
-- Hold, then commit, as one would do it in Redis: an account and a hold, remembered by its id; a repeat changes nothing.

local function hold(keys, args)
  local known = redis.call('GET', keys[2])
  if known then
    return known
  end
  local amount, cap = tonumber(args[1]), tonumber(args[2])
  local account = redis.call('HMGET', keys[1], 'held', 'debits')
  if (tonumber(account[1]) or 0) + (tonumber(account[2]) or 0) + amount > cap then
    return 'declined'
  end
  redis.call('HINCRBY', keys[1], 'held', amount)
  redis.call('SET', keys[2], 'held')
  return 'held'
end

local function commit(keys, args)
  if redis.call('GET', keys[2]) ~= 'held' then
    return 'unknown'
  end
  redis.call('HINCRBY', keys[1], 'held', -args[1])
  redis.call('HINCRBY', keys[1], 'debits', args[1])
  redis.call('SET', keys[2], 'committed')
  return 'committed'
end

redis.register_function('hold', hold)
redis.register_function('commit', commit)
