/* The files of data/ that are part of the program, each with a NUL at its end. Made at build time by data/embed.py. */
#ifndef TR_AGENTD_MIND_DATA_H
#define TR_AGENTD_MIND_DATA_H

extern const char tr_mind_data_sentiment[];
extern const char tr_mind_data_synonyms[];
extern const char tr_mind_data_intents[]; /* the trained model, not the examples */

#endif
