/* qr.h - an address for a phone's camera. */
#ifndef IDF_CLI_QR_H
#define IDF_CLI_QR_H

/* Prints text as a QR code of half blocks, dark on light; nothing when that cannot be done. */
void cli_print_qr(const char *text);

#endif
