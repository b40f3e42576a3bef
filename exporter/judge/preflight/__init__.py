"""Who would be hurt by a collection, a plan or a deletion that somebody is about to run?"""
