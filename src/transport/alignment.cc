#include "transport/alignment.h"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/geometry.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

double rotation_1d(std::span<const double> m, bool reflections, std::span<double> rotation) {
  rotation[0] = reflections && m[0] < 0 ? -1 : 1;
  return rotation[0] * m[0];
}

double rotation_2d(std::span<const double> m, bool reflections, std::span<double> rotation) {
  // R = (c −s; s c): tr(RᵀM) = c (m00 + m11) + s (m10 − m01); with the second axis reversed first,
  // R = (c s; s −c): c (m00 − m11) + s (m10 + m01).
  const double proper = std::hypot(m[0] + m[3], m[2] - m[1]);
  const double mirrored = std::hypot(m[0] - m[3], m[2] + m[1]);
  const double sign = reflections && mirrored > proper ? -1 : 1;
  const double length = sign > 0 ? proper : mirrored;
  const double c = length > 0 ? (m[0] + sign * m[3]) / length : 1;
  const double s = length > 0 ? (m[2] - sign * m[1]) / length : 0;
  rotation[0] = c;
  rotation[1] = -sign * s;
  rotation[2] = s;
  rotation[3] = sign * c;
  return length;
}

/// The largest root of λ⁴ + c2 λ² + c1 λ + c0 for M of Frobenius norm 1, by Newton's method from above,
/// where the polynomial is convex and the iteration monotonic; the slope there comes with it.
struct LargestRoot {
  double lambda;
  double slope;
};

LargestRoot largest_root(double c0, double c1, double c2) {
  // The sum of three singular values whose squares add up to 1.
  double lambda = std::sqrt(3.0);
  double slope = 0;
  for (int step = 0; step < 100; ++step) {
    const double square = lambda * lambda;
    const double value = (square + c2) * square + c1 * lambda + c0;
    slope = (4 * square + 2 * c2) * lambda + c1;
    if (!(slope > 0)) break;
    const double change = value / slope;
    lambda -= change;
    if (!(change > 1e-15 * lambda)) break;
  }
  return {lambda, slope};
}

/// Horn's quaternions (J. Opt. Soc. Am. A 4, 629 (1987)), with the largest eigenvalue of his 4×4 matrix by
/// Newton's method on its characteristic polynomial (Theobald, Acta Cryst. A 61, 478 (2005)) and the
/// eigenvector as a column of the adjugate. False when the eigenvalue is nearly double.
bool rotation_by_quaternion(const std::array<double, 9>& m, std::array<double, 9>& r) {
  const auto [xx, xy, xz, yx, yy, yz, zx, zy, zz] = m;
  const double det = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx);
  // With S = MᵀM and tr S = 1: c2 = −2 tr S, c1 = −8 det M, c0 = 2 tr S² − (tr S)².
  const double s00 = xx * xx + yx * yx + zx * zx, s11 = xy * xy + yy * yy + zy * zy;
  const double s22 = xz * xz + yz * yz + zz * zz, s01 = xx * xy + yx * yy + zx * zy;
  const double s02 = xx * xz + yx * yz + zx * zz, s12 = xy * xz + yy * yz + zy * zz;
  const double trace = s00 + s11 + s22;
  const double trace_of_square = s00 * s00 + s11 * s11 + s22 * s22 + 2 * (s01 * s01 + s02 * s02 + s12 * s12);
  const auto [lambda, slope] = largest_root(2 * trace_of_square - trace * trace, -8 * det, -2 * trace);
  if (!(slope > 1e-4)) return false;

  // A = K − λ: adj A = −slope · q qᵀ.
  const double a00 = xx + yy + zz - lambda, a01 = zy - yz, a02 = xz - zx, a03 = yx - xy;
  const double a11 = xx - yy - zz - lambda, a12 = xy + yx, a13 = xz + zx;
  const double a22 = -xx + yy - zz - lambda, a23 = yz + zy, a33 = -xx - yy + zz - lambda;
  const double p01 = a00 * a11 - a01 * a01, p02 = a00 * a12 - a01 * a02, p03 = a00 * a13 - a01 * a03;
  const double p12 = a01 * a12 - a11 * a02, p13 = a01 * a13 - a11 * a03, p23 = a02 * a13 - a12 * a03;
  const double n23 = a22 * a33 - a23 * a23, n13 = a12 * a33 - a13 * a23, n12 = a12 * a23 - a13 * a22;
  const double n03 = a02 * a33 - a03 * a23, n02 = a02 * a23 - a03 * a22;
  const std::array<std::array<double, 4>, 4> adjugate_columns = [&] {
    const double b00 = a11 * n23 - a12 * n13 + a13 * n12, b01 = -a01 * n23 + a02 * n13 - a03 * n12;
    const double b02 = a13 * p23 - a23 * p13 + a33 * p12, b03 = -a12 * p23 + a22 * p13 - a23 * p12;
    const double b11 = a00 * n23 - a02 * n03 + a03 * n02, b12 = -a03 * p23 + a23 * p03 - a33 * p02;
    const double b13 = a02 * p23 - a22 * p03 + a23 * p02, b22 = a03 * p13 - a13 * p03 + a33 * p01;
    const double b23 = -a02 * p13 + a12 * p03 - a23 * p01, b33 = a02 * p12 - a12 * p02 + a22 * p01;
    return std::array<std::array<double, 4>, 4>{
        {{b00, b01, b02, b03}, {b01, b11, b12, b13}, {b02, b12, b22, b23}, {b03, b13, b23, b33}}};
  }();
  std::size_t largest = 0;
  for (std::size_t k = 1; k < 4; ++k) {
    if (std::abs(adjugate_columns[k][k]) > std::abs(adjugate_columns[largest][largest])) largest = k;
  }
  auto [w, x, y, z] = adjugate_columns[largest];
  const double norm = 1 / std::sqrt(w * w + x * x + y * y + z * z);
  w *= norm, x *= norm, y *= norm, z *= norm;
  r = {1 - 2 * (y * y + z * z), 2 * (x * y - w * z),     2 * (x * z + w * y),
       2 * (x * y + w * z),     1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
       2 * (x * z - w * y),     2 * (y * z + w * x),     1 - 2 * (x * x + y * y)};
  return true;
}

double rotation_3d(std::span<const double> overlap, bool reflections, std::span<double> rotation) {
  double largest = 0;
  for (const double value : overlap) largest = std::max(largest, std::abs(value));
  // Not below the normal numbers, whose reciprocal overflows.
  if (largest < std::numeric_limits<double>::min())
    return optimal_rotation_svd(overlap, 3, reflections, rotation);
  std::array<double, 9> m;
  double square = 0;
  for (std::size_t k = 0; k < 9; ++k) {
    m[k] = overlap[k] / largest;
    square += m[k] * m[k];
  }
  const double scale = 1 / std::sqrt(square);
  for (double& value : m) value *= scale;
  const double det = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
                     m[2] * (m[3] * m[7] - m[4] * m[6]);
  // In three dimensions −1 is a reflection: the best R for −M, reversed, is the best improper one for M.
  const double sign = reflections && det < 0 ? -1 : 1;
  for (double& value : m) value *= sign;
  std::array<double, 9> r;
  if (!rotation_by_quaternion(m, r)) return optimal_rotation_svd(overlap, 3, reflections, rotation);
  double gain = 0;
  for (std::size_t k = 0; k < 9; ++k) {
    rotation[k] = sign * r[k];
    gain += rotation[k] * overlap[k];
  }
  return gain;
}

}  // namespace

template <typename T>
void overlap_matrix(std::span<const T> x0, std::span<const T> x1, std::size_t dim,
                    std::span<double> overlap) {
  std::fill(overlap.begin(), overlap.end(), 0.0);
  for (std::size_t first = 0; first < x0.size(); first += dim) {
    for (std::size_t k = 0; k < dim; ++k) {
      for (std::size_t l = 0; l < dim; ++l) {
        overlap[k * dim + l] += static_cast<double>(x0[first + k]) * static_cast<double>(x1[first + l]);
      }
    }
  }
}

double optimal_rotation(std::span<const double> overlap, std::size_t dim, bool reflections,
                        std::span<double> rotation) {
  for (const double value : overlap) {
    if (!std::isfinite(value))
      throw NumericalError("alignment: the overlap of two configurations is {}", value);
  }
  switch (dim) {
    case 1:
      return rotation_1d(overlap, reflections, rotation);
    case 2:
      return rotation_2d(overlap, reflections, rotation);
    case 3:
      return rotation_3d(overlap, reflections, rotation);
    default:
      return optimal_rotation_svd(overlap, dim, reflections, rotation);
  }
}

double optimal_rotation_svd(std::span<const double> overlap, std::size_t dim, bool reflections,
                            std::span<double> rotation) {
  const auto n = static_cast<Eigen::Index>(dim);
  const Eigen::JacobiSVD<Matrix> svd(Eigen::Map<const Matrix>(overlap.data(), n, n),
                                     Eigen::ComputeFullU | Eigen::ComputeFullV);
  Matrix u = svd.matrixU();
  Eigen::VectorXd singular = svd.singularValues();
  // A reflection costs least along the direction of the smallest singular value, the last.
  if (!reflections && u.determinant() * svd.matrixV().determinant() < 0) {
    u.col(n - 1) *= -1;
    singular[n - 1] *= -1;
  }
  Eigen::Map<Matrix>(rotation.data(), n, n) = u * svd.matrixV().transpose();
  return singular.sum();
}

template <typename T>
double align(std::span<const T> x0, std::span<T> x1, std::size_t dim, bool reflections) {
  std::vector<double> overlap(dim * dim);
  std::vector<double> rotation(dim * dim);
  overlap_matrix<T>(x0, x1, dim, overlap);
  optimal_rotation(overlap, dim, reflections, rotation);
  rotate(x1, std::span<const double>(rotation), dim);
  double square = 0;
  for (std::size_t k = 0; k < x0.size(); ++k) {
    const double difference = static_cast<double>(x0[k]) - static_cast<double>(x1[k]);
    square += difference * difference;
  }
  return square;
}

template void overlap_matrix(std::span<const float>, std::span<const float>, std::size_t, std::span<double>);
template void overlap_matrix(std::span<const double>, std::span<const double>, std::size_t,
                             std::span<double>);
template double align(std::span<const float>, std::span<float>, std::size_t, bool);
template double align(std::span<const double>, std::span<double>, std::size_t, bool);

}  // namespace equibolt
