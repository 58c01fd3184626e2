"""The generated Python modules of `proto/`, made by grpcio-tools into `.cache/py_proto` when stale.

    from tests.support.protos import event_pb2, publish_pb2, publish_grpc, read_pb2, read_grpc
"""
