// SPDX-License-Identifier: MIT
#include <tutti/base/exception_group.hpp>

#include <algorithm>

namespace tutti {

std::exception_ptr make_exception_group(const std::string& message, std::vector<std::exception_ptr> errors) {
  if (errors.empty()) return nullptr;
  if (std::all_of(errors.begin(), errors.end(), &holds<std::exception>)) {
    return std::make_exception_ptr(ExceptionGroup(message, std::move(errors)));
  }
  return std::make_exception_ptr(BaseExceptionGroup(message, std::move(errors)));
}

ExceptionGroupContents::ExceptionGroupContents(std::string message, std::vector<std::exception_ptr> errors)
    : message_(std::move(message)), errors_(std::move(errors)) {
  if (errors_.empty()) throw ValueError("an exception group needs at least one exception");
}

ExceptionGroupContents::~ExceptionGroupContents() = default;

std::string ExceptionGroupContents::text() const {
  std::string all =
      message_ + " (" + std::to_string(errors_.size()) + " sub-exception" + (errors_.size() == 1 ? "" : "s") + ": ";
  for (std::size_t i = 0; i < errors_.size(); ++i) all += (i == 0 ? "" : "; ") + describe(errors_[i]);
  return all + ")";
}

std::pair<std::exception_ptr, std::exception_ptr> ExceptionGroupContents::split_by(Predicate matches) const {
  std::vector<std::exception_ptr> yes;
  std::vector<std::exception_ptr> no;
  for (const std::exception_ptr& error : errors_) {
    if (const auto* group = group_contents(error)) {
      auto [inside, outside] = group->split_by(matches);
      if (inside) yes.push_back(std::move(inside));
      if (outside) no.push_back(std::move(outside));
    } else {
      (matches(error) ? yes : no).push_back(error);
    }
  }
  return {make_exception_group(message_, std::move(yes)), make_exception_group(message_, std::move(no))};
}

ExceptionGroup::ExceptionGroup(std::string message, std::vector<std::exception_ptr> errors)
    // NOLINTNEXTLINE(bugprone-throw-keyword-missing): a base is made, nothing is thrown
    : ExceptionGroupContents(std::move(message), std::move(errors)), what_(text()) {}
ExceptionGroup::~ExceptionGroup() = default;

BaseExceptionGroup::BaseExceptionGroup(std::string message, std::vector<std::exception_ptr> errors)
    // NOLINTNEXTLINE(bugprone-throw-keyword-missing): as above
    : BaseException(message), ExceptionGroupContents(std::move(message), std::move(errors)) {}
BaseExceptionGroup::~BaseExceptionGroup() = default;

const ExceptionGroupContents* group_contents(const std::exception_ptr& error) noexcept {
  if (!error) return nullptr;
  try {
    std::rethrow_exception(error);
  } catch (const ExceptionGroupContents& group) {
    return &group;
  } catch (...) {
    return nullptr;
  }
}

}  // namespace tutti
