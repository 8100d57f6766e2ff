//! The generated types, and the one hand-made message: a batch that stays encoded.

use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::encoding::{self, DecodeContext, WireType};

/// Plain types of `event.proto`.
pub mod columns {
    include!(concat!(env!("OUT_DIR"), "/columns/cowpath.v1.rs"));
}

/// The service and its messages, from `agent.proto`.
pub mod v1 {
    tonic::include_proto!("cowpath.v1");
}

/// For the reflection service.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cowpath.bin"));

/// A `Batch` as the bytes it has on the wire. It is encoded once, when it is cut, and then shared by every client
/// and the replay buffer; whoever needs its columns decodes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EncodedBatch(pub Bytes);

impl EncodedBatch {
    /// Encodes the columns.
    pub fn new(batch: &columns::Batch) -> Self {
        Self(Bytes::from(batch.encode_to_vec()))
    }

    /// The columns again.
    ///
    /// # Errors
    /// The bytes are not a `Batch`: only possible where they came from somebody else.
    pub fn columns(&self) -> Result<columns::Batch, prost::DecodeError> {
        columns::Batch::decode(self.0.clone())
    }
}

impl Message for EncodedBatch {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    /// Keeps the field as it came, unknown ones too.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        let mut kept = BytesMut::from(self.0.as_ref());
        if wire_type == WireType::LengthDelimited {
            let mut value = Bytes::new();
            encoding::bytes::merge(wire_type, &mut value, buf, context)?;
            encoding::bytes::encode(tag, &value, &mut kept);
        } else {
            let mut value = 0;
            encoding::uint64::merge(wire_type, &mut value, buf, context)?;
            encoding::uint64::encode(tag, &value, &mut kept);
        }
        self.0 = kept.freeze();
        Ok(())
    }

    fn clear(&mut self) {
        self.0 = Bytes::new();
    }
}
