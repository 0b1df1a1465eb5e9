// SPDX-License-Identifier: MIT
// Groups of a datagram socket: the same functions for IPv4 and IPv6.
#include <cerrno>
#include <cstring>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/net/datagram.hpp>

#include "datagram_state.hpp"

namespace tutti {
namespace {

void change_membership(const detail::DatagramState& state, int option, const char* operation, const Address& group,
                       unsigned interface_index) {
  state.check_open(operation);
  group_req request{};
  request.gr_interface = interface_index;
  if (group.size() > sizeof(request.gr_group)) throw ValueError(std::string(operation) + ": no address of a group");
  std::memcpy(&request.gr_group, group.data(), group.size());
  const int level = group.family() == AddressFamily::ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  if (::setsockopt(state.socket().fd(), level, option, &request, sizeof(request)) != 0) {
    throw_os_error(errno, std::string(operation) + " " + group.to_string());
  }
}

bool is_ipv6(const detail::DatagramState& state) { return state.address().family() == AddressFamily::ipv6; }

}  // namespace

void DatagramSocket::join_group(const Address& group, unsigned interface_index) {
  change_membership(*state_, MCAST_JOIN_GROUP, "join_group", group, interface_index);
}

void DatagramSocket::leave_group(const Address& group, unsigned interface_index) {
  change_membership(*state_, MCAST_LEAVE_GROUP, "leave_group", group, interface_index);
}

void DatagramSocket::set_multicast_interface(unsigned interface_index) {
  state_->check_open("set_multicast_interface");
  ip_mreqn four{};
  four.imr_ifindex = static_cast<int>(interface_index);
  const int six = static_cast<int>(interface_index);
  const int fd = state_->socket().fd();
  const int result = is_ipv6(*state_) ? ::setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &six, sizeof(six))
                                      : ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &four, sizeof(four));
  if (result != 0) throw_os_error(errno, "set_multicast_interface " + std::to_string(interface_index));
}

void DatagramSocket::set_multicast_hops(int hops) {
  state_->check_open("set_multicast_hops");
  if (is_ipv6(*state_)) {
    state_->socket().set_option(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops);
  } else {
    state_->socket().set_option(IPPROTO_IP, IP_MULTICAST_TTL, hops);
  }
}

void DatagramSocket::set_multicast_loop(bool on) {
  state_->check_open("set_multicast_loop");
  if (is_ipv6(*state_)) {
    state_->socket().set_option(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on ? 1 : 0);
  } else {
    state_->socket().set_option(IPPROTO_IP, IP_MULTICAST_LOOP, on ? 1 : 0);
  }
}

}  // namespace tutti
