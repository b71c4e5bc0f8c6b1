//! The Lua scripts that move list items to the table of deliveries under way and back, each in one step.

/// KEYS: index, table, lists in order of priority. ARGV: pop command, limit, prefix of the tags. A tag ends in the number
/// of the list that its item is from, and tags sort as their items were taken. Nothing is popped unless it can be kept. A
/// further list that is not a list stops nothing.
pub(super) const TAKE: &str = r"
local now = redis.call('TIME')
redis.call('HLEN', KEYS[2])
redis.call('ZCARD', KEYS[1])
local taken = {}
for i = 3, #KEYS do
    while #taken / 2 < tonumber(ARGV[2]) do
        local item = redis.pcall(ARGV[1], KEYS[i])
        if type(item) == 'table' and item.err then
            if i == 3 then return item end
            break
        end
        if not item then break end
        local tag = string.format('%s:%06d:%d', ARGV[3], #taken / 2, i)
        redis.call('HSET', KEYS[2], tag, item)
        redis.call('ZADD', KEYS[1], now[1] * 1000 + math.floor(now[2] / 1000), tag)
        table.insert(taken, tag)
        table.insert(taken, item)
    end
end
return taken";

/// KEYS as for [`TAKE`]; ARGV begins with the push command.
pub(super) const PUT_BACK: &str = r"
local function put_back(tag)
    local item = redis.call('HGET', KEYS[2], tag)
    local list = KEYS[tonumber(string.match(tag, '(%d+)$'))]
    if item then
        local put = redis.pcall(ARGV[1], list or KEYS[3], item)
        if type(put) == 'table' and put.err then return end
    end
    redis.call('ZREM', KEYS[1], tag)
    redis.call('HDEL', KEYS[2], tag)
end";

/// Puts back what has been under way for longer than an age in milliseconds (ARGV).
pub(super) const PUT_BACK_OLD: &str = r"
local now = redis.call('TIME')
local before = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[2])
for _, tag in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', before, 'LIMIT', 0, 1000)) do
    put_back(tag)
end";

/// Puts back what is under way with a prefix of its tags (ARGV), the item that was taken first in front.
pub(super) const PUT_BACK_OWN: &str = r"
for _, tag in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
    if string.sub(tag, 1, #ARGV[2]) == ARGV[2] then put_back(tag) end
end";
