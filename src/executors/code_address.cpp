// SPDX-License-Identifier: MIT
// Functions by their place in the file that holds them, which is the same in each process however it was loaded.
#include <tutti/executors/process_call.hpp>

#include <optional>

#include <dlfcn.h>
#include <link.h>

namespace tutti::detail {
namespace {

/// A program or library in memory. The name of the program is empty.
struct Module {
  std::string name;
  std::uintptr_t base = 0;
};

bool is_code(const dl_phdr_info& module, std::uintptr_t address) noexcept {
  for (unsigned i = 0; i < module.dlpi_phnum; ++i) {
    const auto& header = module.dlpi_phdr[i];
    const std::uintptr_t begin = module.dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0 && address >= begin &&
        address - begin < header.p_memsz) {
      return true;
    }
  }
  return false;
}

template <class Match>
std::optional<Module> find_module(Match match) {
  struct Search {
    Match& match;
    std::optional<Module> found;
  } search{match, {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* module, std::size_t, void* data) {
        auto& searching = *static_cast<Search*>(data);
        if (!searching.match(*module)) return 0;
        searching.found = Module{module->dlpi_name, module->dlpi_addr};
        return 1;
      },
      &search);
  return search.found;
}

std::optional<Module> find_named(const std::string& name) {
  return find_module([&](const dl_phdr_info& module) { return module.dlpi_name == name; });
}

}  // namespace

void write_code_address(ByteWriter& out, const void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const auto module = find_module([number](const dl_phdr_info& each) { return is_code(each, number); });
  if (!module) throw SerializationError("a function that stands in no program and no library");
  out.write(module->name);
  out.write(static_cast<std::uint64_t>(number - module->base));
}

const void* read_code_address(ByteReader& in) {
  const auto name = in.read<std::string>();
  const auto offset = in.read<std::uint64_t>();
  auto module = find_named(name);
  if (!module) {
    // One that the other process has loaded since its start.
    if (::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) throw RuntimeError(::dlerror());
    module = find_named(name);
  }
  const std::uintptr_t address = module ? module->base + static_cast<std::uintptr_t>(offset) : 0;
  if (!module || !find_module([address](const dl_phdr_info& each) { return is_code(each, address); })) {
    ByteReader::fail("the place of a function in '" + name + "'");
  }
  return reinterpret_cast<const void*>(address);
}

}  // namespace tutti::detail
