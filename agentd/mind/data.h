/* The files of data/ and prompts/ that are part of the program, each with a NUL at its end. Made at build time by data/embed.py. */
#ifndef TR_AGENTD_MIND_DATA_H
#define TR_AGENTD_MIND_DATA_H

extern const char tr_mind_data_sentiment[];
extern const char tr_mind_data_synonyms[];
extern const char tr_mind_data_methods[];
extern const char tr_mind_data_intents[]; /* the trained model, not the examples */

extern const char tr_mind_data_prompt_data[];
extern const char tr_mind_data_prompt_schema[];
extern const char tr_mind_data_prompt_repair[];
extern const char tr_mind_data_prompt_sentiment[];
extern const char tr_mind_data_prompt_intent[];
extern const char tr_mind_data_prompt_entities[];
extern const char tr_mind_data_prompt_summarise[];
extern const char tr_mind_data_prompt_act[];
extern const char tr_mind_data_prompt_judge[];
extern const char tr_mind_data_prompt_plan[];
extern const char tr_mind_data_prompt_describe_image[];
extern const char tr_mind_data_prompt_dialogue[];
extern const char tr_mind_data_prompt_answer[];
extern const char tr_mind_data_prompt_rank[];
extern const char tr_mind_data_prompt_choose[];
extern const char tr_mind_data_prompt_rewrite[];
extern const char tr_mind_data_prompt_instruction[];

#endif
