"""Deep Q-learning in a corridor: walk right, the prize is at the end."""

import random
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
LENGTH, GAMMA = 6, 0.9


class Corridor:
    def reset(self):
        self.place = 0
        return self.state()

    def state(self):
        return [1.0 if i == self.place else 0.0 for i in range(LENGTH)]

    def step(self, action):
        self.place = max(0, min(LENGTH - 1, self.place + (1 if action else -1)))
        done = self.place == LENGTH - 1
        return self.state(), (1.0 if done else -0.01), done


class DQN(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.value, self.advantage = nn.Linear(LENGTH, 24), nn.Linear(24, 1), nn.Linear(24, 2)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        advantage = self.advantage(x)
        return self.value(x) + advantage - advantage.mean(1, keepdim=True)


def optimize(policy, target, optimizer, batch):
    state, action, reward, following, done = (torch.tensor(part).to(device) for part in zip(*batch))
    q = policy(state).gather(1, action.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        best = policy(following).argmax(1, keepdim=True)
        expected = reward + GAMMA * target(following).gather(1, best).squeeze(1) * (1 - done)
    loss = F.smooth_l1_loss(q, expected)
    optimizer.zero_grad()
    loss.backward()
    for parameter in policy.parameters():
        parameter.grad.data.clamp_(-1, 1)
    optimizer.step()
    return loss


def main():
    random.seed(0)
    torch.manual_seed(0)
    policy, target = DQN().to(device), DQN().to(device)
    target.load_state_dict(policy.state_dict())
    optimizer = torch.optim.RMSprop(policy.parameters(), lr=2e-3)
    memory, env = deque(maxlen=300), Corridor()
    state = env.reset()
    for _ in range(200):  # a random walk fills the memory
        action = random.randrange(2)
        following, reward, done = env.step(action)
        memory.append((state, action, reward, following, float(done)))
        state = env.reset() if done else following
    for step in range(20):
        loss = optimize(policy, target, optimizer, random.sample(list(memory), 32))
        if step % 5 == 4:
            target.load_state_dict(policy.state_dict())
            print(f"step {step} loss {loss.item():.6f}")
    values = policy(torch.eye(LENGTH).to(device)).max(1)[0]
    print("value", round(values.mean().item(), 3))
    print("device", values.device)


if __name__ == "__main__":
    main()
