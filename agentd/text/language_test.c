#include "agentd/text/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static tr_language_guess_t guess(const char *text) {
    return tr_language_identify(text, strlen(text));
}

/* None of these sentences is in the texts that the tables are made of. */
static void knows_its_languages_by_a_sentence(void **state) {
    (void)state;
    static const struct {
        const char *code, *text;
    } cases[] = {
        {"en", "This License refers to version 3 of the GNU General Public License."},
        {"de", "Das ist ein kurzer Satz über Katzen, die auf dem Dach sitzen."},
        {"fr", "La maison de ma tante est belle et grande, mais elle est loin."},
        {"it", "Il gatto dorme sul divano di casa e non vuole uscire."},
        {"pt", "O gato dorme no sofá da minha casa e não quer sair."},
        {"es", "El gato duerme en el sofá de mi casa y no quiere salir."},
        {"sv", "Katten sover på soffan i mitt hus och hunden springer ut."},
        {"da", "Katten ligger på min sofa og sover, mens hunden løber rundt."},
        {"nl", "De kat slaapt op de bank in mijn huis en wil niet naar buiten."},
        {"pl", "Kot śpi na kanapie w moim domu i nie chce wyjść."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tr_language_guess_t found = guess(cases[i].text);
        assert_string_equal(tr_language_code(found.language), cases[i].code);
        assert_true(found.confidence > 0.8 && found.confidence <= 1);
        assert_int_equal(tr_language_from_code(cases[i].code), found.language);
    }
}

static void says_so_when_it_does_not_know(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "42 17 3.14 0xff",
        "hello world",
        "Кошка спит на диване и не хочет выходить.",
        "猫はソファで寝ています。",
        "Kissa nukkuu sohvalla talossani ja koira juoksee pihalla.",
        "foo bar baz qux",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt.",
        "kfree_skb netdev_alloc xmit_lock mmap_sem vfs_read ioctl_fd epoll_ctl",
        "\xFF\xFE\x80 \xC3",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(guess(texts[i]).language, TR_LANGUAGE_UNKNOWN);
    assert_string_equal(tr_language_code(TR_LANGUAGE_UNKNOWN), "unknown");
    assert_int_equal(tr_language_from_code("tlh"), TR_LANGUAGE_UNKNOWN);
}

static void code_in_a_document_does_not_count(void **state) {
    (void)state;
    const char text[] =
        "# Anleitung\n\nDas Programm wird mit diesem Befehl gestartet und läuft, bis man es beendet.\n\n"
        "```\nif the file is not there then print that it is missing and exit with the code of the "
        "error\n```\n";
    tr_document_t *document = NULL;
    assert_int_equal(tr_document_parse("x.md", text, sizeof text - 1, 0, &document, NULL), 0);
    assert_string_equal(tr_language_code(tr_language_identify_document(document).language), "de");
    tr_document_destroy(&document);
}

static void stop_words_belong_to_languages(void **state) {
    (void)state;
    assert_true(tr_language_is_stop_word(TR_LANGUAGE_EN, "the"));
    assert_false(tr_language_is_stop_word(TR_LANGUAGE_EN, "licence"));
    assert_false(tr_language_is_stop_word(TR_LANGUAGE_EN, "und"));
    assert_true(tr_language_is_stop_word(TR_LANGUAGE_DE, "und"));
    assert_true(tr_language_is_stop_word(TR_LANGUAGE_UNKNOWN, "und"));
    assert_true(tr_language_is_stop_word(TR_LANGUAGE_FR, "à"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_languages_by_a_sentence),
        cmocka_unit_test(says_so_when_it_does_not_know),
        cmocka_unit_test(code_in_a_document_does_not_count),
        cmocka_unit_test(stop_words_belong_to_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
