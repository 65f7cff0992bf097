/** The embedded metadata store of `zhumq dev`, served on loopback so that brokers can be processes of their own. */
namespace js zhumq
namespace py zhumq.store
namespace go zhumq.store
namespace java org.zhumq.store

include "common.thrift"

/** Served by `zhumq dev --processes`; development only. */
service StoreService {
  /** One operation of a session; request and reply are JSON texts whose shape is private to the metadata package. Waits for watch events when asked to. */
  string call(1: string request) throws (1: common.RequestFailed failed)
}
