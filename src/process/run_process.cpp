// SPDX-License-Identifier: MIT
// A program from its start to its end, in one call.
#include <exception>
#include <utility>

#include <tutti/process/subprocess.hpp>
#include <tutti/task/scope_node.hpp>

#include "base/process_end.hpp"

namespace tutti {
namespace subprocess {

CalledProcessError::CalledProcessError(const std::string& program, CompletedProcess process)
    : runtime_error("run_process " + program + ": " + detail::describe_end(process.returncode)),
      process_(std::make_shared<const CompletedProcess>(std::move(process))) {}
CalledProcessError::~CalledProcessError() = default;

}  // namespace subprocess

Coro<subprocess::CompletedProcess> run_process(std::string program, std::vector<std::string> args,
                                               subprocess::RunOptions options) {
  if (options.input) options.process.input = subprocess::PIPE;
  const subprocess::Process process = co_await create_subprocess_exec(program, std::move(args), options.process);
  subprocess::Outputs outputs;
  std::exception_ptr error;
  try {
    outputs = co_await process.communicate(std::move(options.input).value_or(std::string()));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    process.close();
    const detail::ScopeShield shield;
    co_await process.wait();
    std::rethrow_exception(error);
  }
  subprocess::CompletedProcess completed{*process.returncode(), std::move(outputs.output), std::move(outputs.errors)};
  if (options.check && completed.returncode != 0) throw subprocess::CalledProcessError(program, std::move(completed));
  co_return completed;
}

}  // namespace tutti
