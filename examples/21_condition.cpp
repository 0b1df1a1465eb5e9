// SPDX-License-Identifier: MIT
// Tasks that wait for each other: for a state (Condition), at a point (Barrier), for the most urgent item (PriorityQueue).
//
//   make build && build/release/examples/example_21_condition
#include <iostream>
#include <string>
#include <utility>

#include <tutti/tutti.hpp>

using tutti::Coro;

// [region condition]
// An account that is never overdrawn: whoever wants more than there is waits for it.
struct Account {
  int money = 0;
  tutti::Condition changed;

  Coro<> pay_in(int sum) {
    auto guard = co_await changed.scoped();
    money += sum;
    changed.notify_all();  // they look when the guard is gone
  }
  Coro<> withdraw(std::string who, int sum) {
    auto guard = co_await changed.scoped();
    co_await changed.wait_for([&] { return money >= sum; });  // lets go of the lock while it waits
    money -= sum;
    std::cout << who << " takes " << sum << ", " << money << " left\n";
  }
};
// [endregion]

// [region barrier]
Coro<> hike(std::string who, tutti::Barrier& summit) {
  std::cout << who << " climbs\n";
  const auto number = co_await summit.wait();  // for all the others
  std::cout << who << " was number " << number << " and goes down\n";
}
// [endregion]

// [region priority]
Coro<> emergency_room() {
  tutti::PriorityQueue<std::pair<int, std::string>> patients;  // anything with a `<`; the least comes first
  for (auto patient : {std::pair(3, "a cold"), std::pair(1, "a heart"), std::pair(2, "a leg")}) {
    patients.put_nowait(patient);
  }
  patients.shutdown();
  while (auto patient = co_await patients.next()) std::cout << patient->first << ": " << patient->second << '\n';
}
// [endregion]

int main() {
  tutti::run([]() -> Coro<> {
    Account joint;
    co_await tutti::gather(joint.pay_in(50), joint.withdraw("ann", 70), joint.withdraw("bob", 20), joint.pay_in(50));
    tutti::Barrier summit(2);
    co_await tutti::gather(hike("ann", summit), hike("bob", summit));
    co_await emergency_room();
  });
}
