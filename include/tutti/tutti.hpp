// SPDX-License-Identifier: MIT
// All of Tutti. The layers, from the bottom up; each header is the manual of what it declares:
//
//   base    error.hpp (the error tree), exception_group.hpp, clock.hpp, log.hpp
//   loop    event_loop.hpp (EventLoop), handle.hpp, policy.hpp, context.hpp (ContextVar), io_backend.hpp (write your own)
//   task    coro.hpp (Coro), task.hpp (create_task), future.hpp, run.hpp (run, Runner), sleep.hpp, gather.hpp, wait.hpp,
//           timeout.hpp (timeout, wait_for), task_group.hpp, cancel_scope.hpp, shield.hpp, async_generator.hpp,
//           comprehension.hpp (collect, amap, afilter), try.hpp (catch_, finally_), executor.hpp (to_thread),
//           thread_pool.hpp, concurrent.hpp (run_coroutine_threadsafe), from_thread.hpp,
//           staggered.hpp (staggered_race), instrument.hpp (Instrument), call_graph.hpp (print_call_graph),
//           guest.hpp (GuestRun: a loop inside another loop)
//   sync    lock.hpp, event.hpp, condition.hpp, semaphore.hpp, barrier.hpp, queue.hpp, memory_channel.hpp,
//           capacity_limiter.hpp, map_concurrently.hpp
//   io      address.hpp, streams.hpp (StreamReader, StreamWriter), pipe.hpp (open_read_pipe, standard_input),
//           ssl.hpp (SSLContext, create_default_context)
//   net     streams.hpp (open_connection), server.hpp (start_server), resolve.hpp (getaddrinfo),
//           protocols.hpp, transports.hpp, endpoints.hpp (create_connection, create_server, create_datagram_endpoint),
//           datagram.hpp (bind_udp, connect_udp), sockets.hpp (Socket), sock.hpp (sock_recv and its kin),
//           sendfile.hpp
//   process subprocess.hpp (create_subprocess_exec), signals.hpp (signals)
//   fs      file.hpp (files::open), contents.hpp (read_text, copy), names.hpp (mkdir, rename), scan.hpp (scandir), stat.hpp,
//           temporary.hpp
//   http    client.hpp (ClientSession), server.hpp (Server), url.hpp
//
// Not in here, since they cost time to compile: http/json.hpp (JSON in requests and responses), testing/test.hpp (tests),
// executors/process_pool.hpp (ProcessPoolExecutor), which also adds a step to the start of the program.
#pragma once

#include <tutti/base/clock.hpp>
#include <tutti/base/error.hpp>
#include <tutti/base/exception_group.hpp>
#include <tutti/base/log.hpp>
#include <tutti/fs/contents.hpp>
#include <tutti/fs/file.hpp>
#include <tutti/fs/names.hpp>
#include <tutti/fs/scan.hpp>
#include <tutti/fs/stat.hpp>
#include <tutti/fs/temporary.hpp>
#include <tutti/http/client.hpp>
#include <tutti/http/server.hpp>
#include <tutti/io/address.hpp>
#include <tutti/io/pipe.hpp>
#include <tutti/io/ssl.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/loop/context.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/net/datagram.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/net/protocols.hpp>
#include <tutti/net/resolve.hpp>
#include <tutti/net/sendfile.hpp>
#include <tutti/net/server.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/process/signals.hpp>
#include <tutti/net/transports.hpp>
#include <tutti/process/subprocess.hpp>
#include <tutti/process/subprocess_protocol.hpp>
#include <tutti/sync/barrier.hpp>
#include <tutti/sync/capacity_limiter.hpp>
#include <tutti/sync/condition.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/sync/map_concurrently.hpp>
#include <tutti/sync/memory_channel.hpp>
#include <tutti/sync/parking_lot.hpp>
#include <tutti/sync/queue.hpp>
#include <tutti/sync/resource_guard.hpp>
#include <tutti/sync/semaphore.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/call_graph.hpp>
#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/checkpoint.hpp>
#include <tutti/task/comprehension.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/from_thread.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/guest.hpp>
#include <tutti/task/instrument.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/staggered.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/thread_pool.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/try.hpp>
#include <tutti/task/wait.hpp>
