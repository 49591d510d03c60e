//! The page of metrics while it is written, one metric family after the other.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use super::Durations;

pub(super) type Labels = Vec<(&'static str, String)>;

/// The page being written.
#[derive(Debug)]
pub(super) struct Page<'a>(pub(super) DescriptorEncoder<'a>);

impl Page<'_> {
    pub(super) fn count(&mut self, name: &str, help: &str, n: u64) -> fmt::Result {
        let none: Option<&Exemplar<NoLabelSet, f64>> = None;
        self.0.encode_descriptor(name, help, None, MetricType::Counter)?.encode_counter(&n, none)
    }

    pub(super) fn counts(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let none: Option<&Exemplar<NoLabelSet, f64>> = None;
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, n) in samples {
            metric.encode_family(&labels)?.encode_counter(&n, none)?;
        }
        Ok(())
    }

    pub(super) fn level(&mut self, name: &str, help: &str, level: impl EncodeGaugeValue) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&level)
    }

    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, level) in samples {
            metric.encode_family(&labels)?.encode_gauge(&level)?;
        }
        Ok(())
    }

    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        sum: f64,
        buckets: &[(f64, u64)],
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let count = buckets.iter().map(|(_, n)| n).sum();
        metric.encode_histogram::<NoLabelSet>(sum, count, buckets, None)
    }

    pub(super) fn histograms<'d>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, &'d Durations)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, durations) in samples {
            let buckets = durations.buckets();
            let count = buckets.iter().map(|(_, n)| n).sum();
            let sum = durations.sum_seconds();
            metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}
