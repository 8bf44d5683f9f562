#include "tools/cli/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CONTROL(letter) ((letter)&0x1f)
#define DELETE          0x7f

/* ---- a line of a program ---- */

int tr_password_line(int fd, char *out, size_t size, tr_error_t *error) {
    size_t len = 0;
    for (;;) {
        char c = 0;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tr_error_set(error, -errno, "cannot read the password: %s", strerror(errno));
        if (n == 0 || c == '\n')
            break;
        if (len + 1 >= size || !c)
            return tr_error_set(
                error, -EINVAL, "the password has more than %zu bytes, or a NUL: expected a line", size - 1);
        out[len++] = c;
    }
    if (len && out[len - 1] == '\r')
        len--;
    out[len] = '\0';
    return len ? 0 : tr_error_set(error, -EINVAL, "there is no password: expected a line of it on stdin");
}

/* ---- a line of a person ---- */

/* The last character goes, of which UTF-8 may have several bytes. */
static size_t erase(const char *text, size_t len) {
    while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
        len--;
    return len ? len - 1 : 0;
}

/* Keys come one by one, so that Ctrl-C gives the terminal back before the process ends. */
static int read_keys(int fd, char *out, size_t size) {
    size_t len = 0;
    for (;;) {
        char c = 0;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EINTR;
        if (c == '\n' || c == '\r')
            break;
        if (c == CONTROL('C') || (c == CONTROL('D') && len == 0))
            return -EINTR;
        if (c == DELETE || c == CONTROL('H'))
            len = erase(out, len);
        else if (c == CONTROL('U'))
            len = 0;
        else if (len + 1 < size)
            out[len++] = c;
        else
            return -EMSGSIZE;
    }
    out[len] = '\0';
    return 0;
}

static int prompt(int fd, const char *text, const char *whose, char *out, size_t size) {
    struct termios saved, quiet;
    if (tcgetattr(fd, &saved) < 0)
        return -errno;
    quiet = saved;
    quiet.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) < 0) /* what was typed before, and seen, does not count */
        return -errno;
    dprintf(fd, "%s of %s: ", text, whose);
    int rc = read_keys(fd, out, size);
    tcsetattr(fd, TCSAFLUSH, &saved);
    dprintf(fd, "\n");
    return rc;
}

int tr_password_ask(const char *whose, bool twice, char *out, size_t size, tr_error_t *error) {
    char again[2048];
    int fd = isatty(STDIN_FILENO) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                  : open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return tr_error_set(error, -ENOTTY,
            "there is no terminal to ask for the password; --password-stdin reads it from stdin");
    int rc = prompt(fd, twice ? "New password" : "Password", whose, out, size);
    if (rc == 0 && twice)
        rc = prompt(fd, "The same again", whose, again, sizeof again);
    close(fd);
    bool same = !twice || rc < 0 || strcmp(out, again) == 0;
    explicit_bzero(again, sizeof again);
    if (rc < 0)
        return tr_error_set(error, rc,
            rc == -EINTR      ? "nothing was changed"
            : rc == -EMSGSIZE ? "this is too long for a password"
                              : "cannot use this terminal; --password-stdin reads the password from stdin");
    return same ? 0 : tr_error_set(error, -EINVAL, "the two passwords are not the same; nothing was changed");
}
