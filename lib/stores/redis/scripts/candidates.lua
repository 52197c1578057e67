-- The buckets of a policy that `remember.lua` keeps, the latest to be full first.
--
-- KEYS   1  the list
-- ARGV   1, 2  not used
-- Reply  their names

return redis.call('ZRANGE', KEYS[1], 0, -1, 'REV')
