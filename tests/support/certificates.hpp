// SPDX-License-Identifier: MIT
// Certificates for tests, made when they run.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace test_support {

struct CertificateOptions {
  std::string alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  std::chrono::hours valid_from{-1};  ///< from now
  std::chrono::hours valid_to{24};
  std::string password = {};  ///< of the key
};

/// A certificate authority, and what it issues: PEM files in a folder that goes away with it.
class Authority {
 public:
  explicit Authority(const std::string& name = "Tutti tests");
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;
  ~Authority();

  /// The file with its own certificate.
  [[nodiscard]] std::string file() const;
  /// That certificate itself.
  [[nodiscard]] std::string pem() const;
  /// A new certificate with its key, both in the file that this names.
  [[nodiscard]] std::string issue(const std::string& common_name, const CertificateOptions& options = {});
  /// One that only itself vouches for.
  [[nodiscard]] std::string self_signed(const std::string& common_name);
  /// A path in the folder.
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  struct Signer;
  std::string folder_;
  std::unique_ptr<Signer> signer_;
  int issued_ = 0;
};

/// One authority that tests share.
Authority& authority();

}  // namespace test_support
