#include "core/geometry.h"

#include <Eigen/Dense>

namespace equibolt {

std::vector<double> random_rotation(Random& random, std::size_t dim, bool reflections) {
  const auto n = static_cast<Eigen::Index>(dim);
  Eigen::MatrixXd gaussian(n, n);
  for (Eigen::Index k = 0; k < gaussian.size(); ++k) gaussian.data()[k] = random.normal();
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(gaussian);
  Eigen::MatrixXd q = qr.householderQ();
  // QR is unique, and q Haar-distributed, once the diagonal of R is positive (Mezzadri 2007).
  for (Eigen::Index k = 0; k < n; ++k) {
    if (qr.matrixQR()(k, k) < 0) q.col(k) = -q.col(k);
  }
  if (!reflections && q.determinant() < 0) q.col(0) = -q.col(0);
  std::vector<double> rotation(dim * dim);
  for (Eigen::Index k = 0; k < n; ++k) {
    for (Eigen::Index l = 0; l < n; ++l) rotation[static_cast<std::size_t>(k * n + l)] = q(k, l);
  }
  return rotation;
}

}  // namespace equibolt
