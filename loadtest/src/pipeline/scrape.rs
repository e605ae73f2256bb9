//! What a service's `/metrics` page says: just enough of Prometheus' text format to sum the series of one name.

use anyhow::ensure;
use contract::Kind;
use serde::Serialize;

use crate::load::target::Target;

/// A page of metrics, of which only one kind of record counts.
#[derive(Debug)]
pub(crate) struct MetricsPage {
    kind: Kind,
    text: String,
}

/// How many values of a histogram were above the previous bucket's bound and at most this.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Bucket {
    /// The upper bound, in the histogram's unit; null where there is none.
    pub(crate) at_most: Option<f64>,
    /// The values in it.
    pub(crate) count: u64,
}

impl MetricsPage {
    /// Gets the page of a service, for this kind.
    pub(crate) async fn get(service: &Target, kind: Kind) -> anyhow::Result<Self> {
        let page = service.get("/metrics").await?;
        ensure!(page.status.is_success(), "no metrics: {}", page.status);
        Ok(Self { kind, text: String::from_utf8_lossy(&page.body).into_owned() })
    }

    /// The sum of all series of this name but those of another kind, whatever their other labels; `None` if
    /// there is none.
    pub(crate) fn sum(&self, name: &str) -> Option<f64> {
        let (kind, own) = ("kind=\"", format!("kind=\"{}\"", self.kind.name()));
        let mut sum = None;
        for line in self.text.lines() {
            let Some(rest) = line.strip_prefix(name) else { continue };
            let value = match rest.strip_prefix('{') {
                // No label value of our services has a brace.
                Some(rest) => rest
                    .split_once('}')
                    .filter(|(labels, _)| !labels.contains(kind) || labels.contains(&own))
                    .map(|(_, value)| value),
                None => rest.starts_with(' ').then_some(rest),
            };
            // A timestamp may follow the value.
            let value = value.and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
            if let Some(value) = value {
                sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
        sum
    }

    /// The buckets of a histogram of the kind, in the page's order; none if it is not there.
    pub(crate) fn buckets(&self, name: &str) -> Vec<Bucket> {
        let prefix = format!("{name}_bucket{{kind=\"{}\",le=\"", self.kind.name());
        let (mut buckets, mut before) = (Vec::new(), 0);
        for line in self.text.lines() {
            let Some((bound, count)) = line.strip_prefix(&prefix).and_then(|rest| rest.split_once("\"} ")) else {
                continue;
            };
            // Each line includes the counts of the lines above it.
            let count: u64 = count.trim().parse().unwrap_or(before);
            let at_most = bound.parse().ok().filter(|bound: &f64| bound.is_finite());
            buckets.push(Bucket { at_most, count: count.saturating_sub(before) });
            before = count;
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_name_are_summed() {
        let text = "# HELP lag Lag\n# TYPE lag gauge\nlag{topic=\"post\",partition=\"0\"} 4\n\
                    lag{partition=\"1\"} 1.5e1\nlag_seconds 7\nstored_total 12 1700000000000\nempty \n\
                    held{kind=\"post\",state=\"a\"} 3\nheld{kind=\"order\",state=\"a\"} 9\n";
        let metrics = MetricsPage { kind: Kind::Post, text: text.to_owned() };
        assert_eq!(metrics.sum("lag"), Some(19.0));
        assert_eq!(metrics.sum("lag_seconds"), Some(7.0));
        assert_eq!(metrics.sum("stored_total"), Some(12.0));
        assert_eq!(metrics.sum("held"), Some(3.0), "orders are none of the lab's");
        assert_eq!(metrics.sum("empty"), None);
        assert_eq!(metrics.sum("stored"), None);
    }

    #[test]
    fn buckets_are_counted_separately() {
        let text = "wait_seconds_bucket{kind=\"post\",le=\"0.5\"} 2\nwait_seconds_bucket{kind=\"post\",le=\"1\"} 2\n\
                    wait_seconds_bucket{kind=\"post\",le=\"+Inf\"} 5\nwait_seconds_sum 9\nwait_seconds_count 5\n";
        let metrics = MetricsPage { kind: Kind::Post, text: text.to_owned() };
        let bucket = |at_most, count| Bucket { at_most, count };
        let expected = [bucket(Some(0.5), 2), bucket(Some(1.0), 0), bucket(None, 3)];
        assert_eq!(metrics.buckets("wait_seconds"), expected);
        assert_eq!(metrics.buckets("wait"), []);
    }
}
