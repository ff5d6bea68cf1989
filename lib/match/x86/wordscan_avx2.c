/* wordscan_avx2.c - the same loops where the processor has an instruction that counts bits. */
#include "match/wordscan_loops.h"

const idf_word_scan idf_word_scan_avx2 = {word_near, word_distances, word_distance};
