/*
 * Persons, organisations, places and licences.
 *
 * The text is read word by word. At a capital, the longest name that a list knows is looked for; then whether
 * the run of capitalised words that begins here ends like an organisation ("Example Widgets GmbH"); then
 * whether it begins like a person ("Anna van Dyck", "Dr. Weiß"). In headings and in lines of capitals a
 * capital says nothing, so only the lists count there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/entity_collector.h"
#include "agentd/text/gazetteer.h"
#include "lib/text/utf8.h"
#include "lib/text/word.h"

#define LONGEST_LISTED 7 /* words of a name in the lists */
#define LONGEST_RUN    8

typedef struct {
    size_t end; /* index after its last word */
    const tr_gazetteer_entry_t *entry;
    size_t bytes; /* from the start of its first word; a final dot may be part of it */
} listed_t;

static const char *text_of(const tr_tokens_t *tokens, size_t index) {
    return tokens->document->text + tokens->words[index].offset;
}

static size_t end_of(const tr_tokens_t *tokens, size_t index) {
    return tokens->words[index].offset + tokens->words[index].length;
}

static bool is_upper(const tr_tokens_t *tokens, size_t index) {
    return index < tokens->word_count && (tokens->words[index].flags & TR_WORD_UPPER);
}

static bool is_joined(const tr_tokens_t *tokens, size_t index) {
    return index < tokens->word_count && (tokens->words[index].flags & TR_WORD_JOINED);
}

static bool is_word(const tr_tokens_t *tokens, size_t index, const char *word) {
    return index < tokens->word_count && tokens->words[index].length == strlen(word) &&
           memcmp(text_of(tokens, index), word, strlen(word)) == 0;
}

static bool is_any(const tr_tokens_t *tokens, size_t index, const char *const *words) {
    for (; *words; words++)
        if (is_word(tokens, index, *words))
            return true;
    return false;
}

/* Lists -------------------------------------------------------------------------------------------------- */

static const tr_gazetteer_entry_t *find_slice(
    const tr_tokens_t *tokens, size_t first, size_t last, size_t *ret_bytes) {
    size_t bytes = end_of(tokens, last) - tokens->words[first].offset;
    const char *text = text_of(tokens, first);
    bool has_dot = end_of(tokens, last) < tokens->document->text_length && text[bytes] == '.';
    const tr_gazetteer_entry_t *entry = has_dot ? tr_gazetteer_find(text, bytes + 1) : NULL;
    *ret_bytes = bytes + (entry ? 1 : 0);
    return entry ? entry : tr_gazetteer_find(text, bytes);
}

/* The longest listed name that begins here; its entry is NULL where there is none. */
static listed_t find_listed(const tr_tokens_t *tokens, size_t first) {
    listed_t best = {.end = first + 1};
    uint32_t sentence = tokens->words[first].sentence;
    for (size_t last = first; last < first + LONGEST_LISTED && last < tokens->word_count; last++) {
        size_t bytes;
        if (tokens->words[last].sentence != sentence)
            break;
        const tr_gazetteer_entry_t *entry = find_slice(tokens, first, last, &bytes);
        if (entry)
            best = (listed_t){last + 1, entry, bytes};
    }
    return best;
}

static const tr_gazetteer_entry_t *find_one(const tr_tokens_t *tokens, size_t index) {
    size_t bytes;
    return find_slice(tokens, index, index, &bytes);
}

static bool is_kind(const tr_tokens_t *tokens, size_t index, tr_gazetteer_kind_t kind) {
    const tr_gazetteer_entry_t *entry = find_one(tokens, index);
    return entry && entry->kind == kind;
}

/* Takes ", Inc." behind a name: the bytes that it adds. */
static size_t legal_form_after(const tr_tokens_t *tokens, size_t index, size_t end) {
    if (index >= tokens->word_count || tokens->words[index].sentence != tokens->words[index - 1].sentence)
        return 0;
    size_t start = tokens->words[index].offset, bytes;
    const char *text = tokens->document->text;
    bool is_near =
        start > end && start - end <= 2 && text[start - 1] == ' ' && (start - end == 1 || text[end] == ',');
    const tr_gazetteer_entry_t *entry = is_near ? find_slice(tokens, index, index, &bytes) : NULL;
    return entry && entry->kind == TR_GAZETTEER_LEGAL_FORM ? start + bytes - end : 0;
}

/* "Free Software Foundation (FSF)": the short form is the same from here on. */
static int learn_acronym(tr_collector_t *collector, size_t first, size_t end, size_t index) {
    const tr_tokens_t *tokens = collector->tokens;
    char initials[12], key[16];
    size_t count = 0;
    if (index >= collector->count || end >= tokens->word_count ||
        !(tokens->words[end].flags & TR_WORD_CAPITALS))
        return 0;
    size_t start = tokens->words[end].offset;
    if (start - end_of(tokens, end - 1) != 2 || tokens->document->text[start - 1] != '(')
        return 0;
    for (size_t i = first; i < end && count + 1 < sizeof initials; i++)
        if (is_upper(tokens, i))
            initials[count++] = text_of(tokens, i)[0];
    if (count < 2 || tokens->words[end].length != count || memcmp(text_of(tokens, end), initials, count) != 0)
        return 0;
    tr_utf8_lower_copy(initials, count, key, sizeof key);
    return tr_collector_alias(collector, TR_ENTITY_ORGANISATION, key, index);
}

static int add_organisation(tr_collector_t *collector, size_t first, size_t end, const char *shown) {
    const tr_tokens_t *tokens = collector->tokens;
    size_t offset = tokens->words[first].offset, stop = end_of(tokens, end - 1);
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)(stop - offset), tokens->document->text + offset);
    size_t form = legal_form_after(tokens, end, stop);
    tr_mention_t mention = {TR_ENTITY_ORGANISATION, offset, stop - offset + form, shown ? shown : name, NULL};
    int index = tr_collector_add(collector, &mention);
    return index < 0 ? index : learn_acronym(collector, first, end, (size_t)index);
}

static int add_listed(tr_collector_t *collector, size_t first, const listed_t *listed) {
    static const tr_entity_kind_t kinds[] = {
        [TR_GAZETTEER_PLACE] = TR_ENTITY_PLACE,
        [TR_GAZETTEER_ORGANISATION] = TR_ENTITY_ORGANISATION,
        [TR_GAZETTEER_LICENCE] = TR_ENTITY_LICENCE,
    };
    if (listed->entry->kind == TR_GAZETTEER_ORGANISATION)
        return add_organisation(collector, first, listed->end, listed->entry->shown);
    tr_mention_t mention = {kinds[listed->entry->kind], collector->tokens->words[first].offset, listed->bytes,
        listed->entry->shown, NULL};
    int index = tr_collector_add(collector, &mention);
    return index < 0 ? index : 0;
}

/* Whether a listed name counts here: one that is also a common word does not at the start of a sentence or in
 * a heading. */
static bool counts(const tr_tokens_t *tokens, size_t first, const listed_t *listed, bool is_plain) {
    if (!listed->entry || listed->entry->kind > TR_GAZETTEER_LICENCE)
        return false;
    return !listed->entry->is_ambiguous || (is_plain && !(tokens->words[first].flags & TR_WORD_INITIAL));
}

/* Organisations by their ending -------------------------------------------------------------------------- */

/* How far a run of capitalised words reaches, "of", "for" and "&" between them included. */
static size_t run_end(const tr_tokens_t *tokens, size_t first) {
    static const char *const links[] = {
        "of", "for", "de", "du", "des", "di", "für", "der", "van", "the", NULL};
    size_t end = first + 1;
    while (end < tokens->word_count && end < first + LONGEST_RUN) {
        if (is_upper(tokens, end) && is_joined(tokens, end)) {
            end++;
            continue;
        }
        size_t next = end;
        while (next < end + 2 && is_joined(tokens, next) && is_any(tokens, next, links))
            next++;
        if (next == end || !is_upper(tokens, next) || !is_joined(tokens, next))
            break;
        end = next + 1;
    }
    return end;
}

/* The end of the organisation's name in a run, or `first` where the run is none. */
static size_t organisation_end(const tr_tokens_t *tokens, size_t first, size_t end) {
    size_t found = first;
    for (size_t i = first; i < end; i++) {
        bool is_ending = is_kind(tokens, i, TR_GAZETTEER_ORGANISATION_WORD);
        bool goes_on =
            is_ending && (is_word(tokens, i + 1, "of") || is_word(tokens, i + 1, "for")) && i + 2 < end;
        if (goes_on)
            return end; /* "University of Somewhere" */
        if (is_ending && i > first)
            found = i + 1;
        if (i > first && is_kind(tokens, i, TR_GAZETTEER_LEGAL_FORM))
            return i; /* it is added as the legal form */
    }
    return found;
}

static bool has_legal_form(const tr_tokens_t *tokens, size_t end) {
    return legal_form_after(tokens, end, end_of(tokens, end - 1)) > 0;
}

/* Persons ------------------------------------------------------------------------------------------------ */

static bool is_name_part(const tr_tokens_t *tokens, size_t index) {
    const tr_word_t *word = &tokens->words[index];
    if (!is_upper(tokens, index) || word->flags & (TR_WORD_STOP | TR_WORD_NUMBER))
        return false;
    const tr_gazetteer_entry_t *entry = find_one(tokens, index);
    return !entry || entry->kind == TR_GAZETTEER_GIVEN_NAME || entry->kind == TR_GAZETTEER_PLACE;
}

static bool is_initial(const tr_tokens_t *tokens, size_t index) {
    return is_upper(tokens, index) && tokens->words[index].length == 1 &&
           tokens->document->text[end_of(tokens, index)] == '.';
}

/* Whether a word follows the one before it within a name: blanks, or the dot of an initial, stand between. */
static bool follows(const tr_tokens_t *tokens, size_t index) {
    if (is_joined(tokens, index))
        return true;
    return index > 0 && index < tokens->word_count && is_initial(tokens, index - 1) &&
           tokens->words[index].sentence == tokens->words[index - 1].sentence &&
           tokens->words[index].offset - end_of(tokens, index - 1) <= 2;
}

/* The end of a person's name after its given name or title, or `index` where no surname follows. */
static size_t surname_end(const tr_tokens_t *tokens, size_t index) {
    static const char *const particles[] = {
        "van", "von", "de", "der", "den", "di", "da", "del", "le", "la", "bin", "al", "dos", "zu", NULL};
    size_t at = index, end = index;
    for (int parts = 0; parts < 5 && at < tokens->word_count && follows(tokens, at); parts++) {
        if (is_initial(tokens, at)) {
            at++;
            continue;
        }
        if (is_any(tokens, at, particles)) {
            at++;
            continue;
        }
        if (!is_name_part(tokens, at))
            break;
        end = ++at;
    }
    return end;
}

static bool is_title(const tr_tokens_t *tokens, size_t index) {
    static const char *const titles[] = {"Mr", "Mrs", "Ms", "Dr", "Prof", "Professor", "Herr", "Herrn",
        "Frau", "Mme", "Sir", "Señor", "Señora", NULL};
    return is_any(tokens, index, titles);
}

/* The first word of the name of a person that begins here, and its end; false where none does. */
static bool find_person(
    const tr_tokens_t *tokens, size_t index, bool is_plain_text, size_t *ret_first, size_t *ret_end) {
    size_t name = index;
    while (is_title(tokens, name)) {
        name++;
        if (name >= tokens->word_count || tokens->words[name].sentence != tokens->words[index].sentence ||
            tokens->words[name].offset - end_of(tokens, name - 1) > 2)
            return false;
    }
    const tr_gazetteer_entry_t *entry = name < tokens->word_count ? find_one(tokens, name) : NULL;
    bool is_given =
        entry && entry->kind == TR_GAZETTEER_GIVEN_NAME &&
        (!entry->is_ambiguous || (is_plain_text && !(tokens->words[name].flags & TR_WORD_INITIAL)));
    if (is_given) {
        size_t end = surname_end(tokens, name + 1);
        *ret_first = name;
        *ret_end = end > name + 1 ? end : name + 1;
        return end > name + 1 || name > index;
    }
    size_t surname = name;
    while (surname < tokens->word_count && is_initial(tokens, surname) && follows(tokens, surname + 1))
        surname++;
    bool by_title = name > index, by_initials = surname >= name + 2; /* "J. R. R. Tolkien" */
    if (!(by_title || by_initials) || !is_name_part(tokens, surname))
        return false;
    *ret_first = name;
    *ret_end = surname_end(tokens, name + 1);
    *ret_end = *ret_end > name ? *ret_end : name + 1;
    return true;
}

static int add_person(tr_collector_t *collector, size_t first, size_t end) {
    const tr_tokens_t *tokens = collector->tokens;
    size_t offset = tokens->words[first].offset;
    int index = tr_collector_add(
        collector, &(tr_mention_t){TR_ENTITY_PERSON, offset, end_of(tokens, end - 1) - offset, NULL, NULL});
    return index < 0 ? index : 0;
}

/* The walk ----------------------------------------------------------------------------------------------- */

/* Whether capitals mean names in the sentence of a word: not in headings, nor where most words have one. */
static bool is_plain(const tr_tokens_t *tokens, const tr_sentence_t *sentence) {
    size_t upper = 0;
    if (tokens->document->blocks[sentence->block].kind == TR_BLOCK_HEADING)
        return false;
    for (size_t i = 0; i < sentence->word_count; i++)
        upper += (tokens->words[sentence->first_word + i].flags & TR_WORD_CAPITALS) != 0;
    return upper * 2 <= sentence->word_count || sentence->word_count < 3;
}

/* Reads one name at a word, and moves `index` to the word after it. */
static int read_name(tr_collector_t *collector, size_t *index, bool is_plain_text) {
    const tr_tokens_t *tokens = collector->tokens;
    size_t at = *index, first, end;
    listed_t listed = find_listed(tokens, at);
    bool is_listed = counts(tokens, at, &listed, is_plain_text);
    bool is_stop = tokens->words[at].flags & TR_WORD_STOP;
    if (is_plain_text && !is_stop) {
        size_t run = run_end(tokens, at), organisation = organisation_end(tokens, at, run);
        if (organisation == at && has_legal_form(tokens, run) && run > at)
            organisation = run;
        if (organisation > at && (!is_listed || organisation > listed.end)) {
            *index = organisation;
            return add_organisation(collector, at, organisation, NULL);
        }
    }
    if (is_listed) {
        *index = listed.end;
        return add_listed(collector, at, &listed);
    }
    if (find_person(tokens, at, is_plain_text, &first, &end)) {
        *index = end;
        return add_person(collector, first, end);
    }
    ++*index;
    return 0;
}

int tr_entities_names(tr_collector_t *collector) {
    const tr_tokens_t *tokens = collector->tokens;
    for (size_t s = 0; s < tokens->sentence_count; s++) {
        const tr_sentence_t *sentence = &tokens->sentences[s];
        bool plain = is_plain(tokens, sentence);
        size_t end = sentence->first_word + sentence->word_count;
        for (size_t i = sentence->first_word; i < end;) {
            if (!is_upper(tokens, i) || collector->is_taken[i]) {
                i++;
                continue;
            }
            if (read_name(collector, &i, plain) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

static bool is_known(const tr_collector_t *collector, tr_entity_kind_t kind, const char *key) {
    char full[80];
    int length = snprintf(full, sizeof full, "%d %s", (int)kind, key);
    return tr_vocabulary_find(collector->keys, full, (size_t)length) != TR_VOCABULARY_NONE;
}

static int learn_surnames(tr_collector_t *collector) {
    for (size_t i = 0; i < collector->count; i++) {
        const tr_entity_t *person = &collector->items[i];
        const char *surname = strrchr(person->text, ' ');
        if (person->kind == TR_ENTITY_PERSON && surname && strlen(surname) >= 4 &&
            tr_collector_alias(collector, TR_ENTITY_PERSON, surname, i) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* "Stallman", once "Richard Stallman" is known; the short form of an organisation, once the text
 * has told it. */
int tr_entities_short_forms(tr_collector_t *collector) {
    const tr_tokens_t *tokens = collector->tokens;
    int rc = learn_surnames(collector);
    for (size_t i = 0; rc >= 0 && i < tokens->word_count; i++) {
        const tr_word_t *word = &tokens->words[i];
        char surname[64] = " ", acronym[64];
        if (!is_upper(tokens, i) || collector->is_taken[i] || word->length > 40 || word->length < 2)
            continue;
        memcpy(surname + 1, text_of(tokens, i), word->length);
        surname[word->length + 1] = '\0';
        tr_utf8_lower_copy(surname + 1, word->length, acronym, sizeof acronym);
        tr_mention_t mention = {TR_ENTITY_PERSON, word->offset, word->length, NULL, surname};
        if (word->flags & TR_WORD_CAPITALS && is_known(collector, TR_ENTITY_ORGANISATION, acronym))
            mention = (tr_mention_t){TR_ENTITY_ORGANISATION, word->offset, word->length, NULL, acronym};
        else if (!is_known(collector, TR_ENTITY_PERSON, surname))
            continue;
        rc = tr_collector_add(collector, &mention);
    }
    return rc < 0 ? rc : 0;
}
