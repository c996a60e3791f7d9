/* Reads one picture of a digit with the compiled network and compares with what JAX computed. See samples/demo.sh. */
#include "mlp.h"
#include "mlp_input.h"
#include <math.h>
#include <stdalign.h>
#include <stdio.h>

/* All the memory a call needs, beside the arrays. C has no arrays of size 0. */
static alignas(MLP_MAIN_WORK_ALIGN) unsigned char work[MLP_MAIN_WORK_BYTES > 0 ? MLP_MAIN_WORK_BYTES : 1];

static void draw(const float *picture) {
  for (int row = 0; row < 28; row += 2) {
    printf("    ");
    for (int column = 0; column < 28; column++) {
      float light = picture[28 * row + column];
      putchar(" .:-=+*#%@"[light >= 1 ? 9 : (int)(10 * light)]);
    }
    putchar('\n');
  }
}

int main(void) {
  float found[10];
  int32_t status = mlp_main(mlp_input, found, work);
  if (status != RJAX_OK) {
    fprintf(stderr, "mlp_main: %s\n", rjax_status_str(status));
    return 1;
  }
  draw(mlp_input);
  int best = 0;
  float worst = 0;
  printf("  digit   log-probability   JAX's\n");
  for (int digit = 0; digit < 10; digit++) {
    float difference = fabsf(found[digit] - mlp_expected[digit]);
    /* Written so that a NaN counts as wrong. */
    if (!(difference <= worst)) worst = difference;
    if (found[digit] > found[best]) best = digit;
    printf("  %5d   %15.6f   %10.6f\n", digit, (double)found[digit], (double)mlp_expected[digit]);
  }
  printf("It reads a %d. Largest difference from JAX: %.1e.\n", best, (double)worst);
  return worst <= 1e-4f ? 0 : 1;
}
