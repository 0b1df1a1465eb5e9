// SPDX-License-Identifier: MIT
// Several exceptions as one: Python's ExceptionGroup.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <tutti/base/error.hpp>

namespace tutti {

/// A group of exceptions, or null for none: an `ExceptionGroup` if all are `std::exception`s, else a `BaseExceptionGroup`.
[[nodiscard]] std::exception_ptr make_exception_group(const std::string& message,
                                                      std::vector<std::exception_ptr> errors);

/// What both kinds of groups have.
class ExceptionGroupContents {
 public:
  ExceptionGroupContents(std::string message, std::vector<std::exception_ptr> errors);
  ExceptionGroupContents(const ExceptionGroupContents&) = default;
  ExceptionGroupContents& operator=(const ExceptionGroupContents&) = default;
  virtual ~ExceptionGroupContents();

  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  /// The exceptions; some may be groups themselves.
  [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept { return errors_; }

  /// A group of the leaves that are `Error`s, in the same nesting; null if there is none.
  template <class Error>
  [[nodiscard]] std::exception_ptr subgroup() const {
    return split<Error>().first;
  }
  /// The leaves that are `Error`s, and the rest; each a group in the same nesting, or null.
  template <class Error>
  [[nodiscard]] std::pair<std::exception_ptr, std::exception_ptr> split() const {
    return split_by(&holds<Error>);
  }

 protected:
  [[nodiscard]] std::string text() const;

 private:
  using Predicate = bool (*)(const std::exception_ptr&);
  [[nodiscard]] std::pair<std::exception_ptr, std::exception_ptr> split_by(Predicate matches) const;

  std::string message_;
  std::vector<std::exception_ptr> errors_;
};

/// Several errors.
class ExceptionGroup : public std::exception, public ExceptionGroupContents {
 public:
  ExceptionGroup(std::string message, std::vector<std::exception_ptr> errors);
  ~ExceptionGroup() override;
  /// "message (2 sub-exceptions: ValueError: a; OSError: b)".
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string what_;
};

/// Several exceptions of which at least one is not a `std::exception`.
class BaseExceptionGroup : public BaseException, public ExceptionGroupContents {
 public:
  BaseExceptionGroup(std::string message, std::vector<std::exception_ptr> errors);
  ~BaseExceptionGroup() override;
  using ExceptionGroupContents::message;
  [[nodiscard]] std::string_view type_name() const noexcept override { return "BaseExceptionGroup"; }
};

/// The contents if `error` is a group, else null. Valid as long as `error`.
[[nodiscard]] const ExceptionGroupContents* group_contents(const std::exception_ptr& error) noexcept;

}  // namespace tutti
