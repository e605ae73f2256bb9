//! What a service's `/metrics` page says: just enough of Prometheus' text format to sum the series of one name.

use anyhow::ensure;

use crate::target::Target;

/// A page of metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    text: String,
}

impl Metrics {
    /// Gets the page of a service.
    pub(crate) async fn get(service: &Target) -> anyhow::Result<Self> {
        let page = service.get("/metrics").await?;
        ensure!(page.status.is_success(), "no metrics: {}", page.status);
        Ok(Self { text: String::from_utf8_lossy(&page.body).into_owned() })
    }

    /// The sum of all series of this name, whatever their labels; `None` if there is none.
    pub(crate) fn sum(&self, name: &str) -> Option<f64> {
        let mut sum = None;
        for line in self.text.lines() {
            let Some(rest) = line.strip_prefix(name) else { continue };
            let value = match rest.strip_prefix('{') {
                // No label value of our services has a brace.
                Some(labels) => labels.split_once('}').map(|(_, value)| value),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_name_are_summed() {
        let text = "# HELP lag Lag\n# TYPE lag gauge\nlag{topic=\"post\",partition=\"0\"} 4\nlag{partition=\"1\"} 1.5e1\n\
                    lag_seconds 7\nstored_total 12 1700000000000\nempty \n";
        let metrics = Metrics { text: text.to_owned() };
        assert_eq!(metrics.sum("lag"), Some(19.0));
        assert_eq!(metrics.sum("lag_seconds"), Some(7.0));
        assert_eq!(metrics.sum("stored_total"), Some(12.0));
        assert_eq!(metrics.sum("empty"), None);
        assert_eq!(metrics.sum("stored"), None);
    }
}
