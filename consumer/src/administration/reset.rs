//! `consumer offsets reset`: sets where the consumer of a kind starts next. Only while its group has no members: they
//! would commit their own offsets over it. Kafka holds to that as well, for those who join in between.

use std::io::Write;

use anyhow::{bail, ensure};
use contract::Kind;
use kafka::group::GroupConfig;
use kafka::topics::{NoOverview, NotCommitted, Reader};

use self::plan::{Before, Change, To, plan};
use super::reader;
use super::table::{or_dash, table};

mod plan;

/// What to reset, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Reset {
    /// The kind whose group is reset: post, order or one of KINDS_DIR
    #[arg(long, value_name = "KIND")]
    pub(super) kind: String,
    /// `earliest`, `latest`, a time such as 2026-11-29T08:00:00Z (the first record that is as late), or an offset
    #[arg(long, value_name = "PLACE", value_parser = parse_to)]
    to: To,
    /// Only this partition; may be given several times
    #[arg(long = "partition", value_name = "P")]
    partitions: Vec<i32>,
    /// Change nothing, and say what would change
    #[arg(long)]
    dry_run: bool,
    /// Skip records that are not stored yet: they are never read again
    #[arg(long)]
    skip_records: bool,
}

fn parse_to(text: &str) -> Result<To, String> {
    match text {
        "earliest" => return Ok(To::Earliest),
        "latest" => return Ok(To::Latest),
        _ => {}
    }
    if let Ok(offset) = text.parse() {
        return if offset < 0 { Err("an offset is not negative".to_owned()) } else { Ok(To::Offset(offset)) };
    }
    let time = bson::DateTime::parse_rfc3339_str(text).map(|time| To::Time(time.timestamp_millis()));
    time.map_err(|_| "must be earliest, latest, an offset, or a time such as 2026-11-29T08:00:00Z".to_owned())
}

impl Reset {
    /// Resets the group, or only says what would change; blocks until Kafka has answered.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub(super) fn execute(&self, kind: Kind, config: &GroupConfig, output: &mut impl Write) -> anyhow::Result<()> {
        let (reader, topic) = (reader(config)?, &config.topic);
        let before = self.before(&reader, topic)?;
        let changes = plan(self.to, &before, config.offset_reset).map_err(anyhow::Error::msg)?;
        writeln!(output, "kind {}: group {}, topic {topic}", kind.name(), config.group)?;
        let row = |change: &Change| {
            let Before { partition, committed, .. } = change.before;
            [partition.to_string(), or_dash(committed), change.new.to_string(), change.difference()]
        };
        write!(output, "{}", table(["partition", "committed", "new", "records"], changes.iter().map(row)))?;
        let total = |count: fn(&Change) -> u64| changes.iter().map(count).sum::<u64>();
        let (again, skipped) = (total(Change::read_again), total(Change::skipped));
        let members = || members(&reader, &config.group);
        if self.dry_run {
            writeln!(output, "dry run: nothing was changed; records read again: {again}, skipped: {skipped}")?;
            if skipped > 0 && !self.skip_records {
                writeln!(output, "without --skip-records a run is refused, because these were accepted")?;
            }
            if let Err(error) = members() {
                writeln!(output, "a run would be refused now: {error:#}")?;
            }
            return Ok(());
        }
        members()?;
        ensure!(
            skipped == 0 || self.skip_records,
            "{skipped} records would be skipped: they were accepted, and would never be stored. Nothing was changed; \
             add --skip-records if that is meant"
        );
        // What the table says must still be so.
        let ids: Vec<i32> = before.iter().map(|before| before.partition).collect();
        let committed = reader.committed(topic, &ids)?.map_err(anyhow::Error::msg)?;
        ensure!(
            before.iter().all(|before| committed.get(&before.partition).copied() == before.committed),
            "the group has committed other offsets meanwhile, and nothing was changed: run the command again"
        );
        let offsets: Vec<(i32, i64)> = changes.iter().map(|change| (change.before.partition, change.new)).collect();
        match reader.commit(topic, &offsets)? {
            Ok(()) => {}
            Err(NotCommitted::HasMembers) => {
                members()?;
                bail!("a member has joined the group {} meanwhile, and nothing was changed", config.group);
            }
            Err(NotCommitted::Refused(why)) => bail!("nothing was changed: {why}"),
        }
        let lag = total(Change::lag);
        writeln!(output, "committed; records read again: {again}, skipped: {skipped}, lag: {lag}")?;
        Ok(())
    }

    /// The partitions to reset.
    fn before(&self, reader: &Reader, topic: &str) -> anyhow::Result<Vec<Before>> {
        let overview = match reader.overview(topic)? {
            Ok(overview) => overview,
            Err(NoOverview::Missing) => bail!("the topic {topic} does not exist"),
            Err(NoOverview::Refused(why)) => bail!(why),
        };
        for partition in &self.partitions {
            let is_there = overview.iter().any(|found| found.id == *partition);
            ensure!(is_there, "the topic {topic} has no partition {partition}");
        }
        let meant = |id: &i32| self.partitions.is_empty() || self.partitions.contains(id);
        let ids: Vec<i32> = overview.iter().map(|found| found.id).filter(meant).collect();
        let committed = reader.committed(topic, &ids)?.map_err(anyhow::Error::msg)?;
        let at_time = match self.to {
            To::Time(time_ms) => reader.offsets_at(topic, &ids, time_ms)?,
            To::Earliest | To::Latest | To::Offset(_) => Default::default(),
        };
        let mut before = Vec::new();
        for found in overview.into_iter().filter(|found| ids.contains(&found.id)) {
            let partition = found.id;
            let Some(offsets) = found.offsets else {
                bail!("partition {partition} of {topic} has no leader that answers")
            };
            before.push(Before {
                partition,
                committed: committed.get(&partition).copied(),
                first: offsets.start,
                end: offsets.end,
                at_time: at_time.get(&partition).copied().flatten(),
            });
        }
        Ok(before)
    }
}

/// Fails if the group has members, with their names.
fn members(reader: &Reader, group: &str) -> anyhow::Result<()> {
    match reader.group()? {
        Some(described) if !described.members.is_empty() => bail!(
            "the group {group} has members, so nothing is changed: stop them first, or wait until Kafka considers \
             them dead ({})",
            described.names()
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_word_an_offset_or_a_time() {
        assert_eq!(parse_to("earliest"), Ok(To::Earliest));
        assert_eq!(parse_to("latest"), Ok(To::Latest));
        assert_eq!(parse_to("42"), Ok(To::Offset(42)));
        assert_eq!(parse_to("1970-01-01T00:00:01.5Z"), Ok(To::Time(1_500)));
        for wrong in ["-1", "", "yesterday", "2026-11-29", "1e3"] {
            assert!(parse_to(wrong).is_err(), "{wrong}");
        }
    }
}
