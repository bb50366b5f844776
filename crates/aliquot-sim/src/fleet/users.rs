//! The users: when each sends its next request, and of which blocks its prompt is made. They know nothing of caches.

use aliquot_core::time::Micros;

use super::roster::{
    ANTHROPIC, BLOCK_TOKENS, LAUNCH_USERS, LAUNCHED, LAUNCHER, MOVED_ONE_OF, NODES, OPENAI, RESELLER, SHARED, Shape,
    TENANTS,
};
use crate::cache::Owner;
use crate::random::{Random, hash, pair, scaled};

/// Where a user's requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To one GPU node, always the same.
    Home(usize),
    /// To all GPU nodes in turn; this is whose turn it is.
    EveryNode(usize),
    Anthropic,
    OpenAi,
    Reseller,
}

/// One user of one tenant's feature.
#[derive(Debug)]
pub(super) struct User {
    pub(super) tenant: Owner,
    pub(super) shape: &'static Shape,
    pub(super) route: Route,
    /// Names the blocks it shares with the tenant's other users of the feature.
    system_key: u64,
    /// Names its own blocks.
    key: u64,
    from: Micros,
    until: Micros,
    random: Random,
    contexts: u64,
    requests_left: u64,
    requests: u64,
}

/// A prompt and its answer's length.
#[derive(Debug)]
pub(super) struct Prompt {
    /// Its full blocks.
    pub(super) blocks: Vec<u64>,
    /// How many of them will come again.
    pub(super) stable: usize,
    /// Names the user's context, as long as it is the same.
    pub(super) session: u64,
    pub(super) prompt_tokens: u64,
    pub(super) output_tokens: u64,
}

/// All users who send anything from `opening` to `end`.
pub(super) fn all(seed: u64, opening: Micros, launch: Micros, end: Micros) -> Vec<User> {
    let launch = launch.min(end);
    let mut users = Vec::new();
    for (tenant_idx, tenant) in TENANTS.iter().enumerate() {
        let kinds: [(u32, &'static [Shape], Option<Route>); 4] = [
            (tenant.shared, &SHARED, None),
            (tenant.anthropic, &ANTHROPIC, Some(Route::Anthropic)),
            (tenant.openai, &OPENAI, Some(Route::OpenAi)),
            (tenant.reseller, &RESELLER, Some(Route::Reseller)),
        ];
        for (count, shapes, route) in kinds {
            for (number, shape) in (0..count).zip(shapes.iter().cycle()) {
                let mut user = User::new(seed, tenant_idx, shape, number);
                let home = scaled(user.random.draw(), u64::try_from(NODES).unwrap_or(1));
                user.route = route.unwrap_or(Route::Home(usize::try_from(home).unwrap_or_default()));
                let moves = route.is_none() && tenant_idx == LAUNCHER && number % MOVED_ONE_OF == 0;
                (user.from, user.until) = (opening, if moves { launch } else { end });
                users.push(user);
            }
        }
    }
    for number in 0..LAUNCH_USERS {
        let mut user = User::new(seed, LAUNCHER, &LAUNCHED, number);
        // Users begin with different nodes, so that the nodes share the load at any time.
        user.route = Route::EveryNode(usize::try_from(number).unwrap_or_default());
        (user.from, user.until) = (launch, end);
        users.push(user);
    }
    users.retain(|user| user.from < user.until);
    users
}

impl User {
    fn new(seed: u64, tenant_idx: usize, shape: &'static Shape, number: u32) -> Self {
        let system_key = hash(seed, &format!("{}/{}", TENANTS[tenant_idx].name, shape.feature));
        let key = pair(system_key, u64::from(number));
        Self {
            tenant: Owner::try_from(tenant_idx).unwrap_or_default(),
            shape,
            route: Route::EveryNode(0),
            system_key,
            key,
            from: Micros::default(),
            until: Micros::default(),
            random: Random::new(key, "user"),
            contexts: 0,
            requests_left: 0,
            requests: 0,
        }
    }

    /// When it sends its first request: anywhere within one pause from its beginning.
    pub(super) fn first_arrival(&mut self) -> Micros {
        let pause = self.random.below(self.shape.pause_us.1);
        Micros(self.from.0.saturating_add(i64::try_from(pause).unwrap_or_default()))
    }

    /// It sends nothing from then on.
    pub(super) const fn until(&self) -> Micros {
        self.until
    }

    /// From this request to the next.
    pub(super) fn pause(&mut self) -> Micros {
        Micros(i64::try_from(self.random.within(self.shape.pause_us)).unwrap_or_default())
    }

    /// The next prompt: the tenant's system blocks, the user's context, and something new.
    pub(super) fn prompt(&mut self) -> Prompt {
        if self.requests_left == 0 {
            // The first context is found half used, so that users do not all change theirs at one time.
            let (least, most) = self.shape.requests_per_context;
            self.requests_left = self.random.within(if self.contexts == 0 { (1, most) } else { (least, most) });
            self.contexts += 1;
        }
        self.requests_left -= 1;
        self.requests += 1;
        if let Route::EveryNode(turn) = &mut self.route {
            *turn = turn.wrapping_add(1);
        }
        let Shape { system_blocks, context_blocks, .. } = *self.shape;
        let context_key = pair(self.key, self.contexts);
        let fresh_key = pair(!self.key, self.requests);
        let fresh_tokens = self.random.within(self.shape.fresh_tokens);
        let named = |key: u64, count: u64| (0..count).map(move |place| pair(key, place));
        let mut blocks: Vec<u64> =
            named(self.system_key, system_blocks).chain(named(context_key, context_blocks)).collect();
        let stable = blocks.len();
        blocks.extend(named(fresh_key, fresh_tokens / u64::from(BLOCK_TOKENS)));
        Prompt {
            blocks,
            stable,
            session: context_key,
            prompt_tokens: (system_blocks + context_blocks) * u64::from(BLOCK_TOKENS) + fresh_tokens,
            output_tokens: self.random.within(self.shape.output_tokens),
        }
    }
}
