#pragma once

#include <cassert>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace equibolt {

/// A view of B configurations of N particles in D dimensions: (B, N, D), row-major, not owned.
template <typename T>
class ConfigurationsView {
 public:
  ConfigurationsView() = default;
  ConfigurationsView(T* data, std::size_t count, std::size_t particles, std::size_t dim)
      : data_(data), count_(count), particles_(particles), dim_(dim) {}

  /// A view of mutable values serves where one of constant values is wanted.
  template <typename U>
  requires(std::is_same_v<T, const U>) ConfigurationsView(ConfigurationsView<U> other)
      : ConfigurationsView(other.data(), other.count(), other.particles(), other.dim()) {}

  T* data() const { return data_; }
  std::size_t count() const { return count_; }
  std::size_t particles() const { return particles_; }
  std::size_t dim() const { return dim_; }
  /// N·D, the length of one configuration.
  std::size_t coordinates() const { return particles_ * dim_; }
  std::size_t size() const { return count_ * coordinates(); }

  /// Configuration b as N·D numbers.
  std::span<T> operator[](std::size_t b) const {
    assert(b < count_);
    return {data_ + b * coordinates(), coordinates()};
  }
  std::span<T> values() const { return {data_, size()}; }

  ConfigurationsView slice(std::size_t first, std::size_t count) const {
    assert(first + count <= count_);
    return {data_ + first * coordinates(), count, particles_, dim_};
  }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
  std::size_t particles_ = 0;
  std::size_t dim_ = 0;
};

/// B configurations that own their memory: (B, N, D), row-major.
template <typename T>
class Configurations {
 public:
  Configurations() = default;
  Configurations(std::size_t count, std::size_t particles, std::size_t dim)
      : values_(count * particles * dim), count_(count), particles_(particles), dim_(dim) {}

  std::size_t count() const { return count_; }
  std::size_t particles() const { return particles_; }
  std::size_t dim() const { return dim_; }
  std::size_t coordinates() const { return particles_ * dim_; }
  std::size_t size() const { return values_.size(); }
  T* data() { return values_.data(); }
  const T* data() const { return values_.data(); }

  std::span<T> operator[](std::size_t b) { return view()[b]; }
  std::span<const T> operator[](std::size_t b) const { return view()[b]; }
  std::span<T> values() { return values_; }
  std::span<const T> values() const { return values_; }

  ConfigurationsView<T> view() { return {values_.data(), count_, particles_, dim_}; }
  ConfigurationsView<const T> view() const { return {values_.data(), count_, particles_, dim_}; }
  operator ConfigurationsView<T>() { return view(); }
  operator ConfigurationsView<const T>() const { return view(); }

 private:
  std::vector<T> values_;
  std::size_t count_ = 0;
  std::size_t particles_ = 0;
  std::size_t dim_ = 0;
};

/// The same configurations in another precision.
template <typename To, typename From>
Configurations<To> converted(ConfigurationsView<From> from) {
  Configurations<To> to(from.count(), from.particles(), from.dim());
  for (std::size_t k = 0; k < from.size(); ++k) to.data()[k] = static_cast<To>(from.data()[k]);
  return to;
}

}  // namespace equibolt
