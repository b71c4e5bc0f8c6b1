//! What Python put into Redis lists, Celery tasks and RQ jobs, taken so that a killed worker loses nothing: a script
//! moves an item from the list to a table of what is under way, in one step.
//!
//! The table is our own (`QUEUE:a7probe:taken`), so that Celery's and RQ's bookkeeping of their workers is left alone.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, Script, ScriptInvocation};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::celery::Task;
use super::super::delivery::brief;
use super::super::{Delivery, Dialect, Dispatch, QueueOptions, QueueError, Settlement, rq};
use super::DEAD_LETTERS;

/// Pause between two looks at an empty list: a script cannot wait for one.
const LOOK: Duration = Duration::from_millis(50);

/// KEYS: index, table, lists in order of priority. ARGV: pop command, limit, prefix of the tags. A tag ends in the number
/// of the list that its item is from, and tags sort as their items were taken. Nothing is popped unless it can be kept. A
/// further list that is not a list stops nothing.
const TAKE: &str = r"
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
const PUT_BACK: &str = r"
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
const PUT_BACK_OLD: &str = r"
local now = redis.call('TIME')
local before = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[2])
for _, tag in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', before, 'LIMIT', 0, 1000)) do
    put_back(tag)
end";

/// Puts back what is under way with a prefix of its tags (ARGV), the item that was taken first in front.
const PUT_BACK_OWN: &str = r"
for _, tag in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
    if string.sub(tag, 1, #ARGV[2]) == ARGV[2] then put_back(tag) end
end";

/// Separators between a queue and a priority in the names of kombu's lists: the default, and what its documentation
/// sets.
const SEPARATORS: [&str; 2] = ["\u{6}\u{16}", ":"];

/// The lists of a queue, the most urgent first.
pub(super) fn lists(dispatch: &Dispatch) -> Vec<String> {
    let queue = dispatch.queue();
    if dispatch.dialect() == Dialect::Rq {
        return vec![rq::queue_key(queue)];
    }
    // Kombu's priorities: which of them are in use is a setting of whoever publishes (`priority_steps`).
    let names = |priority: u8| SEPARATORS.map(|separator| format!("{queue}{separator}{priority}"));
    let plain = std::iter::once(queue.to_owned());
    plain.chain((0..=9).flat_map(names)).collect()
}

/// The table of what is under way.
pub(super) fn table(queue: &str) -> String {
    format!("{queue}:a7probe:taken")
}

/// The keys of one queue, and at which end its next item is.
struct ListKeys {
    dialect: Dialect,
    task: String,
    queue: String,
    index: String,
    table: String,
    lists: Vec<String>,
}

impl ListKeys {
    fn of(dispatch: &Dispatch) -> ListKeys {
        let queue = dispatch.queue().to_owned();
        ListKeys {
            dialect: dispatch.dialect(),
            task: dispatch.task().to_owned(),
            index: format!("{}:index", table(&queue)),
            table: table(&queue),
            queue,
            lists: lists(dispatch),
        }
    }

    fn pop(&self) -> &'static str {
        if self.dialect == Dialect::Rq {
            "LPOP"
        } else {
            "RPOP"
        }
    }

    /// A script with all of them.
    fn call<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        call.key(&self.index).key(&self.table);
        for list in &self.lists {
            call.key(list);
        }
        call
    }

    /// Puts an item where the next pop finds it.
    fn unpop(&self) -> &'static str {
        if self.dialect == Dialect::Rq {
            "LPUSH"
        } else {
            "RPUSH"
        }
    }

    /// Puts an item behind the others.
    fn push(&self) -> &'static str {
        if self.dialect == Dialect::Rq {
            "RPUSH"
        } else {
            "LPUSH"
        }
    }
}

/// Takes items off the lists.
pub(in super::super) struct Source {
    keys: Arc<ListKeys>,
    options: QueueOptions,
    /// The prefix of every tag, and how often items were taken.
    name: Uuid,
    calls: u64,
    take: Script,
    put_back_old: Script,
    connection: MultiplexedConnection,
    looked_back: Option<Instant>,
}

impl Source {
    pub(in super::super) async fn open(
        dispatch: &Dispatch,
        options: &QueueOptions,
        name: Uuid,
    ) -> Result<Source, QueueError> {
        Ok(Source {
            keys: Arc::new(ListKeys::of(dispatch)),
            options: *options,
            name,
            calls: 0,
            take: Script::new(TAKE),
            put_back_old: Script::new(&format!("{PUT_BACK}{PUT_BACK_OLD}")),
            connection: super::connect(dispatch, options.deadline).await?,
            looked_back: None,
        })
    }

    pub(in super::super) async fn receive(&mut self) -> Result<Vec<Delivery>, QueueError> {
        let pause = self.options.redelivery / 4;
        if self.looked_back.is_none_or(|last| last.elapsed() >= pause) {
            self.put_back_old().await?;
            self.looked_back = Some(Instant::now());
        }
        self.calls += 1;
        let mut call = self.keys.call(&self.take);
        call.arg(self.keys.pop()).arg(self.options.prefetch);
        call.arg(format!("{}:{:012}", self.name, self.calls));
        let taken: Vec<Vec<u8>> = call.invoke_async(&mut self.connection).await?;
        if taken.is_empty() {
            sleep(LOOK).await;
        }
        let mut deliveries = Vec::with_capacity(taken.len() / 2);
        for pair in taken.chunks_exact(2) {
            match self.delivery(&pair[0], &pair[1]).await {
                Ok(delivery) => deliveries.extend(delivery),
                // What was taken before it is worked on. This item and the others come again in their time.
                Err(error) if deliveries.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(deliveries)
    }

    /// Takes over what workers that are gone had.
    async fn put_back_old(&mut self) -> Result<(), QueueError> {
        let mut call = self.keys.call(&self.put_back_old);
        call.arg(self.keys.unpop())
            .arg(self.options.redelivery.as_millis() as u64);
        Ok(call.invoke_async::<()>(&mut self.connection).await?)
    }

    /// Puts everything that is still under way here where the next pop finds it: Celery's and RQ's own workers know
    /// nothing of the table. What was about to arrive when nobody waited any more is there too.
    pub(in super::super) async fn close(mut self) -> Result<(), QueueError> {
        let script = Script::new(&format!("{PUT_BACK}{PUT_BACK_OWN}"));
        let mut call = self.keys.call(&script);
        call.arg(self.keys.unpop()).arg(format!("{}:", self.name));
        Ok(call.invoke_async::<()>(&mut self.connection).await?)
    }

    async fn delivery(&mut self, tag: &[u8], item: &[u8]) -> Result<Option<Delivery>, QueueError> {
        let mut handle = Handle {
            keys: self.keys.clone(),
            tag: tag.to_vec(),
            item: item.to_vec(),
            job_key: None,
            connection: self.connection.clone(),
        };
        let read = match self.keys.dialect {
            Dialect::Rq => match self.find_job(item).await? {
                JobLookup::DispatchJob { key, data } => {
                    handle.job_key = Some(key);
                    data.ok_or_else(|| "the job has no data".to_owned())
                        .and_then(|data| rq::read(&self.keys.task, &data))
                }
                JobLookup::Other(reason) => Err(reason),
                // The job was deleted or has expired; RQ's own workers pass over it too.
                JobLookup::Nothing => {
                    handle.settle(Settlement::Done).await?;
                    return Ok(None);
                }
            },
            _ => Task::open(&self.keys.task, item),
        };
        match read {
            Ok((event_id, payload)) => Ok(Some(Delivery::new(
                event_id,
                Some(payload),
                super::super::delivery::Handle::List(handle),
            ))),
            Err(reason) => {
                let reason = brief(&reason);
                handle.settle(Settlement::Dead { reason }).await?;
                Ok(None)
            }
        }
    }
}

/// What RQ's list item names.
enum JobLookup {
    DispatchJob {
        key: String,
        data: Option<Vec<u8>>,
    },
    /// Something that is not a job, for this reason.
    Other(String),
    Nothing,
}

impl Source {
    async fn find_job(&mut self, item: &[u8]) -> Result<JobLookup, QueueError> {
        let Ok(id) = std::str::from_utf8(item) else {
            return Ok(JobLookup::Other("the job's id is not UTF-8".to_owned()));
        };
        let key = rq::job_key(id);
        let data = redis::cmd("HGET")
            .arg(&key)
            .arg("data")
            .query_async::<Option<Vec<u8>>>(&mut self.connection)
            .await;
        match data {
            Ok(Some(data)) => Ok(JobLookup::DispatchJob {
                key,
                data: Some(data),
            }),
            Ok(None) => {
                let mut exists = redis::cmd("EXISTS");
                let exists = exists.arg(&key).query_async(&mut self.connection).await?;
                Ok(match exists {
                    true => JobLookup::DispatchJob { key, data: None },
                    false => JobLookup::Nothing,
                })
            }
            Err(error) if error.code() == Some("WRONGTYPE") => {
                Ok(JobLookup::Other(format!("the job's key {key} is not a hash")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// One item that is under way.
pub(in super::super) struct Handle {
    keys: Arc<ListKeys>,
    tag: Vec<u8>,
    item: Vec<u8>,
    /// Of RQ's job, if there is one.
    job_key: Option<String>,
    connection: MultiplexedConnection,
}

impl Handle {
    pub(in super::super) async fn settle(
        mut self,
        settlement: Settlement,
    ) -> Result<(), QueueError> {
        let mut batch = redis::pipe();
        batch.atomic();
        match &settlement {
            Settlement::Done => self.finish(&mut batch),
            Settlement::Retry => {
                let (push, list) = (self.keys.push(), &self.keys.lists[0]);
                batch.cmd(push).arg(list).arg(&self.item).ignore();
            }
            Settlement::Dead { reason } => {
                tracing::warn!(reason, "a job is dead-lettered");
                self.bury(&mut batch, reason);
            }
        }
        let ListKeys { index, table, .. } = &*self.keys;
        batch.cmd("ZREM").arg(index).arg(&self.tag).ignore();
        batch.cmd("HDEL").arg(table).arg(&self.tag).ignore();
        Ok(batch.query_async::<()>(&mut self.connection).await?)
    }

    /// Celery forgets a task with its acknowledgement; RQ keeps the job's hash for a while.
    fn finish(&self, batch: &mut Pipeline) {
        if let Some(key) = &self.job_key {
            batch.cmd("HSET").arg(key).arg("status").arg("finished");
            batch.arg("ended_at").arg(rq::timestamp()).ignore();
            batch
                .cmd("EXPIRE")
                .arg(key)
                .arg(rq::RESULT_SECONDS)
                .ignore();
        }
    }

    /// RQ has a registry for what failed; for Celery the task goes into a list of its own. A reason without a job to
    /// keep it is kept in a list.
    fn bury(&self, batch: &mut Pipeline, reason: &str) {
        if self.keys.dialect == Dialect::Rq {
            let expires = jiff::Timestamp::now().as_second() + rq::FAILURE_SECONDS;
            let failed = rq::failed_key(&self.keys.queue);
            match &self.job_key {
                Some(key) => {
                    batch.cmd("HSET").arg(key).arg("status").arg("failed");
                    batch.arg("ended_at").arg(rq::timestamp());
                    let reason = rq::deflated(reason.as_bytes());
                    batch.arg("exc_info").arg(reason).ignore();
                }
                None => {
                    let list = format!("{}.dead.reasons", self.keys.queue);
                    let reason = format!("{}: {reason}", self.item.escape_ascii());
                    batch.cmd("LPUSH").arg(&list).arg(reason).ignore();
                    batch.cmd("LTRIM").arg(&list).arg(0).arg(DEAD_LETTERS - 1);
                    batch.ignore();
                }
            }
            batch
                .cmd("ZADD")
                .arg(failed)
                .arg(expires)
                .arg(&self.item)
                .ignore();
        } else {
            let dead = format!("{}.dead", self.keys.queue);
            // The reason, at the same place of a parallel list: the dead letter itself stays in the form that a worker
            // can take again.
            let reasons = format!("{dead}.reasons");
            for (list, what) in [(dead, &*self.item), (reasons, reason.as_bytes())] {
                batch.cmd("LPUSH").arg(&list).arg(what).ignore();
                batch.cmd("LTRIM").arg(&list).arg(0).arg(DEAD_LETTERS - 1);
                batch.ignore();
            }
        }
    }
}
