//! QUIC settings, the ones that mattered when they were measured.

use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::CubicConfig;
use quinn::{AckFrequencyConfig, TransportConfig, VarInt};

/// The streams a participant opens: one for control and up to four lanes.
const STREAMS_MAX: u32 = 5;

/// What a deployment may choose about its links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// Bytes of a UDP payload, 1,200 to 6,500. 1,452 fits Ethernet; more only on loopback or jumbo links.
    pub mtu: u16,
    /// Bytes of the kernel's UDP buffers to ask for; what was granted is read back.
    pub socket_buffer_bytes: usize,
    /// Bytes of one stream that may be on their way to us.
    pub stream_window_bytes: u32,
    /// Bytes of all streams of a link that may be on their way to us.
    pub link_window_bytes: u32,
    /// Bytes in flight before the network has shown what it carries.
    pub initial_window_bytes: u64,
    /// A link without any packet for this long is lost.
    pub idle_timeout_ms: u32,
}

impl LinkSettings {
    /// The smallest datagram QUIC allows.
    pub const MTU_MIN: u16 = 1_200;
    /// Ten of these, which quinn sends with one call, stay below 64 KiB.
    pub const MTU_MAX: u16 = 6_500;
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            mtu: 1_452,
            socket_buffer_bytes: 4 << 20,
            stream_window_bytes: 1 << 20,
            link_window_bytes: 2 << 20,
            initial_window_bytes: 1 << 20,
            idle_timeout_ms: 10_000,
        }
    }
}

impl LinkSettings {
    /// The settings in quinn's form. `granted_bytes` is the receive buffer of the socket: what is on its way to us
    /// must fit, or the kernel drops it (measured: p99.9 of 28 ms with the default buffer).
    pub(crate) fn transport(&self, granted_bytes: usize) -> Arc<TransportConfig> {
        let granted = u32::try_from(granted_bytes / 2).unwrap_or(u32::MAX);
        let link_window = self.link_window_bytes.min(granted.max(64 << 10));
        let mut transport = TransportConfig::default();
        let mtu = self.mtu.clamp(Self::MTU_MIN, Self::MTU_MAX);
        transport.initial_mtu(mtu).min_mtu(mtu).mtu_discovery_config(None);
        transport.enable_segmentation_offload(true);
        transport.stream_receive_window(VarInt::from_u32(self.stream_window_bytes.min(link_window)));
        transport.receive_window(VarInt::from_u32(link_window));
        transport.send_window(u64::from(self.link_window_bytes));
        transport.max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX));
        transport.max_concurrent_uni_streams(VarInt::from_u32(0));
        transport.datagram_receive_buffer_size(None);
        transport.initial_rtt(Duration::from_millis(2));
        let mut cubic = CubicConfig::default();
        cubic.initial_window(self.initial_window_bytes);
        transport.congestion_controller_factory(Arc::new(cubic));
        let mut acknowledgements = AckFrequencyConfig::default();
        acknowledgements.ack_eliciting_threshold(VarInt::from_u32(10));
        acknowledgements.max_ack_delay(Some(Duration::from_millis(2)));
        acknowledgements.reordering_threshold(VarInt::from_u32(1_000));
        transport.ack_frequency_config(Some(acknowledgements));
        let idle = VarInt::from_u32(self.idle_timeout_ms);
        transport.max_idle_timeout(Some(idle.into()));
        transport
            .keep_alive_interval(Some(Duration::from_millis(u64::from(self.idle_timeout_ms / 3).max(1))));
        Arc::new(transport)
    }
}
