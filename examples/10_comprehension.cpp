// SPDX-License-Identifier: MIT
// Comprehensions: map, filter and collect what a generator gives.
//
//   make build && build/release/examples/example_10_comprehension
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::AsyncGenerator;
using tutti::Coro;

AsyncGenerator<std::string> words() {
  for (const char* word : {"tutti", "solo", "crescendo", "coda", "tempo"}) {
    co_await tutti::sleep(1ms);
    co_yield word;
  }
}

Coro<std::string> shout(std::string word) {
  co_await tutti::sleep(0ms);
  co_return word + "!";
}

// [region comprehensions]
Coro<> async_main() {
  // [w async for w in words()]
  std::vector<std::string> all = co_await tutti::collect(words());
  std::cout << all.size() << " words\n";

  // [await shout(w) async for w in words() if len(w) == 5]: steps are lazy, items go through one by one
  auto five = [](const std::string& word) { return word.size() == 5; };
  for (const std::string& word : co_await tutti::collect(words() | tutti::afilter(five) | tutti::amap(shout))) {
    std::cout << word << '\n';
  }

  // {w: len(w) async for w in words()}
  auto with_size = [](std::string word) { return std::pair(word, word.size()); };
  auto sizes = co_await tutti::collect<std::map<std::string, std::size_t>>(words() | tutti::amap(with_size));
  std::cout << "crescendo has " << sizes.at("crescendo") << " letters\n";

  // async for i, w in aenumerate(words()): ... break after two
  auto numbered = words() | tutti::aenumerate(1) | tutti::atake(2);
  while (auto item = co_await numbered.next()) std::cout << item->first << ": " << item->second << '\n';
}

int main() { tutti::run(async_main()); }
// [endregion]
