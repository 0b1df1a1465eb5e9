// SPDX-License-Identifier: MIT
#include "certificates.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace test_support {
namespace {

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const noexcept { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, &EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freed<X509, &X509_free>>;

void require(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(std::string("certificates: ") + what);
}

void add_extension(X509* cert, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

Cert unsigned_certificate(EVP_PKEY* key, const std::string& name, const CertificateOptions& options, long serial) {
  using std::chrono::seconds;
  Cert cert(X509_new());
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), seconds(options.valid_from).count());
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), seconds(options.valid_to).count());
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return cert;
}

void write(const std::string& path, X509* cert, EVP_PKEY* key, const std::string& password = {}) {
  std::FILE* const file = std::fopen(path.c_str(), "we");
  require(file != nullptr, path.c_str());
  PEM_write_X509(file, cert);
  if (key != nullptr) {
    PEM_write_PrivateKey(file, key, password.empty() ? nullptr : EVP_aes_128_cbc(),
                         reinterpret_cast<const unsigned char*>(password.data()), static_cast<int>(password.size()),
                         nullptr, nullptr);
  }
  (void)std::fclose(file);
}

}  // namespace

struct Authority::Signer {
  Key key{EVP_EC_gen("P-256")};
  Cert cert;
};

Authority::Authority(const std::string& name) : signer_(std::make_unique<Signer>()) {
  folder_ = (std::filesystem::temp_directory_path() / "tutti-certificates-XXXXXX").string();
  require(::mkdtemp(folder_.data()) != nullptr, "no folder");
  signer_->cert = unsigned_certificate(signer_->key.get(), name, {}, 1);
  X509* const cert = signer_->cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(cert, cert, NID_subject_key_identifier, "hash");
  require(X509_sign(cert, signer_->key.get(), EVP_sha256()) != 0, "not signed");
  write(file(), cert, nullptr);
}

Authority::~Authority() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Authority::file() const { return path("authority.pem"); }

std::string Authority::pem() const {
  std::ifstream in(file());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string Authority::issue(const std::string& common_name, const CertificateOptions& options) {
  const Key key(EVP_EC_gen("P-256"));
  const Cert cert = unsigned_certificate(key.get(), common_name, options, 2 + issued_);
  X509* const issuer = signer_->cert.get();
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer));
  add_extension(cert.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(cert.get(), issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(cert.get(), issuer, NID_subject_key_identifier, "hash");
  add_extension(cert.get(), issuer, NID_authority_key_identifier, "keyid");
  if (!options.alternative_names.empty()) {
    add_extension(cert.get(), issuer, NID_subject_alt_name, options.alternative_names);
  }
  require(X509_sign(cert.get(), signer_->key.get(), EVP_sha256()) != 0, "not signed");
  std::string result = path(std::to_string(++issued_) + ".pem");
  write(result, cert.get(), key.get(), options.password);
  return result;
}

std::string Authority::self_signed(const std::string& common_name) {
  Authority own(common_name);
  std::string result = path(std::to_string(++issued_) + ".pem");
  write(result, own.signer_->cert.get(), own.signer_->key.get());
  return result;
}

Authority& authority() {
  static Authority shared;
  return shared;
}

}  // namespace test_support
