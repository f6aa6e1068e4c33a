"""Problems in the language of the person who reads them: Accept-Language names it.

The sentences are in ``sentences.json`` of the service's package and of this one. The code of a problem is the same in
every language, and a sentence that is not there stays English.
"""

from collections.abc import Callable
from functools import cache

from starlette.requests import Request

from chassis.languages import Language, Sentences, locale_named
from chassis.package_files import text_in
from chassis.problems import FieldError, KeptRefusal, Problem

_OWN = "chassis"


@cache
def _sentences_of(package: str) -> Sentences | None:
    return None if text_in(package, "sentences.json") is None else Sentences(package)


def speaker_for(request: Request) -> Callable[[str], str]:
    """Return what says a sentence of the route's package in the language that the request asks for."""
    locale = locale_named(request.headers.get("Accept-Language"))
    if locale is None or locale.language is Language.EN:
        return lambda sentence: sentence
    endpoint = request.scope.get("endpoint")
    package = _OWN if endpoint is None else str(endpoint.__module__).partition(".")[0]
    known = [sentences for name in dict.fromkeys((package, _OWN)) if (sentences := _sentences_of(name)) is not None]
    return lambda sentence: _said(sentence, locale.language, known)


def in_language_of(request: Request, problem: Problem) -> Problem:
    """Put the problem's sentences into the language that the request asks for, if it asks for one beside English."""
    say = speaker_for(request)
    said = say(problem.detail)
    if said != problem.detail:
        locale = locale_named(request.headers.get("Accept-Language"))
        assert locale is not None
        problem.headers = {**problem.headers, "Content-Language": locale.language}
    problem.detail = said
    problem.errors = tuple(FieldError(error.pointer, say(error.detail)) for error in problem.errors)
    return problem


def kept_refusal(request: Request, problem: Problem) -> KeptRefusal:
    """The answer of a route that refuses and keeps what it has written, in the language that the request asks for."""
    return KeptRefusal(in_language_of(request, problem))


def _said(sentence: str, language: Language, known: list[Sentences]) -> str:
    for sentences in known:
        if sentences.knows(sentence):
            return sentences.said(sentence, language)
    return sentence
