"""What tests of the page wait for, in one word each."""

from playwright.async_api import Locator, Page, expect


async def reaches(page: Page, state: str, *, seconds: float = 20.0) -> None:
    """The page is in this state."""
    await expect(page.locator("body")).to_have_attribute("data-state", state, timeout=1000 * seconds)


async def agent_is(page: Page, state: str) -> None:
    """The shape of the agent shows this state."""
    await expect(page.locator("#agent")).to_have_attribute("data-state", state)


def notice(page: Page, code: str) -> Locator:
    """What is said about a problem."""
    return page.locator(f'.notice[data-code="{code}"]')


async def log(page: Page) -> list[str]:
    """The lines of the conversation, each as "who: text", a note as its text."""
    script = """(items) => items.map((item) => {
        const who = item.querySelector(".who")?.firstChild.data;
        const parts = item.querySelector(".said")?.childNodes ?? [item];
        const said = Array.from(parts, (part) => part.textContent).join(" ");
        return (who ? who + ": " : "") + said.replace(/\\s+/g, " ").trim();
    })"""
    return await page.locator("#log > li").evaluate_all(script)
